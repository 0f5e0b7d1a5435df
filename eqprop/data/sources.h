#pragma once
// The named data sets: "digits" (comes with the project), "mnist", "fashion-mnist", "optdigits" (a folder of that name in the data folder).
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "eqprop/data/dataset.h"

namespace eqprop {

/// Training ids count from 0; test ids from kTestIdOffset.
struct TrainTest {
  Dataset train;
  Dataset test;
};

/// Where data sets lie. The library reads no environment: a program fills this in.
struct DataFolders {
  std::filesystem::path digits;  ///< digits.csv.gz and digits_split.csv (experiments/data of the project)
  std::filesystem::path data;    ///< holds mnist/, fashion-mnist/, optdigits/; a program takes it from EQPROP_DATA_DIR
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

}  // namespace eqprop
