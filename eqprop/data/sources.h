#pragma once
// The named data sets: "digits" (comes with the project), "mnist", "fashion-mnist", "kmnist", "optdigits" (a folder of that name in the data folder);
// and sets of anybody's own files.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "eqprop/data/csv.h"
#include "eqprop/data/dataset.h"

namespace eqprop {

/// Where data sets lie. The library reads no environment: a program fills this in.
struct DataFolders {
  std::filesystem::path digits;  ///< digits.csv.gz and digits_split.csv (experiments/data of the project)
  std::filesystem::path data;    ///< holds mnist/, fashion-mnist/, ...; a program takes it from EQPROP_DATA_DIR
};

/// The names that load_data takes.
const std::vector<std::string>& data_names();

/// Loads a named data set. Throws InputError(config) for an unknown name, InputError(file) naming the folder when it is missing.
TrainTest load_data(std::string_view name, const DataFolders& folders);

/// The 1797 UCI optical digits, 8x8, values 0..16 -> [0, 1]; 1347 for training, 450 for testing by digits_split.csv. An id is the line in
/// digits.csv.gz (from 0), + kTestIdOffset for test samples. Not the UCI test protocol: all are of UCI's test writers.
TrainTest read_digits(const std::filesystem::path& folder);

/// MNIST's layout: {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte, plain or .gz (plain first), values 0..255 -> [0, 1], 10 classes.
TrainTest read_mnist(const std::filesystem::path& folder, const std::string& name);

/// UCI's official protocol: training from optdigits.tra, and optdigits.hol after it where that file is there; test from optdigits.tes.
TrainTest read_optdigits(const std::filesystem::path& folder);

/// Tables of one's own, plain or gzip (csv.h).
struct CsvFiles {
  std::filesystem::path train;
  std::filesystem::path test;  ///< empty: a test set is carved from the training table
  double test_fraction = 0.2;  ///< of that carve
  LabelColumn label_column = LabelColumn::last;
  double scale = 1.0;  ///< largest value of a feature, > 0
};

/// Images and labels of one's own in IDX files, plain or gzip (idx.h).
struct IdxFiles {
  std::filesystem::path train_images, train_labels, test_images, test_labels;
  double scale = 255.0;  ///< largest value of a pixel, >= 1
};

/// Reads tables; `seed` only carves (carve_test). There are as many classes as the training labels say, 0 .. largest. Throws
/// InputError(file) as read_csv, when a class has no training sample, and when the tables differ in features; InputError(config) as
/// carve_test.
TrainTest read_csv_files(const CsvFiles& files, std::uint32_t seed);
/// Reads IDX files, with classes as in read_csv_files. Throws InputError(file) as read_idx and read_csv_files.
TrainTest read_idx_files(const IdxFiles& files);

}  // namespace eqprop
