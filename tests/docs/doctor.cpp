// The doctor: each finding on a run that was made to have it, and a sound run that has none.
#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop::testing;
using Json = nlohmann::json;

namespace {

class Ward {
 public:
  // trains a small run with these settings; the exit code is looked at by the caller
  Outcome train(const std::string& coupling, int epochs, const std::vector<std::string>& sets) {
    write_file_text(folder_ / "small.toml", small_config(coupling, epochs));
    std::vector<std::string> arguments = {"train", "small.toml", "--out", "run"};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    return run_program(arguments, folder_.path());
  }
  Json diagnosis() {
    const Outcome outcome = run_program({"doctor", "run", "--json"}, folder_.path());
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return Json::parse(outcome.last_line());
  }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
};

// the first finding of this code, or null
Json finding(const Json& diagnosis, const std::string& code) {
  for (const Json& f : diagnosis["findings"])
    if (f["code"] == code) return f;
  return nullptr;
}

Json provoked(const std::string& coupling, int epochs, const std::vector<std::string>& sets, const std::string& code) {
  Ward ward;
  const Outcome trained = ward.train(coupling, epochs, sets);
  INFO(trained.err);
  const Json diagnosis = ward.diagnosis();
  INFO(diagnosis.dump(1));
  const Json found = finding(diagnosis, code);
  CHECK_FALSE(found.is_null());
  if (!found.is_null()) {
    CHECK(found["text"].get<std::string>().size() > 20);
    CHECK(found["remedy"].get<std::string>().size() > 20);
    CHECK_FALSE(found["figures"].empty());
  }
  return found;
}

std::string severity(const Json& found) { return found.is_null() ? "none" : found["severity"].get<std::string>(); }

}  // namespace

TEST_CASE("a sound run has no serious finding") {
  for (const std::string coupling : {"ideal", "crossbar"}) {
    Ward ward;
    REQUIRE(ward.train(coupling, 8, {"network.layers=[64, 64, 10]"}).exit_code == 0);
    const Json diagnosis = ward.diagnosis();
    INFO(diagnosis.dump(1));
    for (const Json& f : diagnosis["findings"]) CHECK(f["severity"] == "note");
    CHECK(diagnosis["finished"] == true);
    CHECK(diagnosis["layers"].size() == 2);
    const Outcome text = run_program({"doctor", "run"}, ward.folder().path());
    CHECK(text.exit_code == 0);
    CHECK(
        (text.out.find("nothing limits this run") != std::string::npos || text.out.find("nothing found that limits") != std::string::npos));
  }
}

TEST_CASE("settles that the budget cuts short") {
  CHECK(severity(provoked("ideal", 1, {"settle.budget=2", "settle.tolerance=1e-6"}, "EQ-401")) == "limits");
}

TEST_CASE("noise above the difference between the phases, with both figures") {
  const Json found = provoked("crossbar", 1, {"crossbar.read_noise=0.5"}, "EQ-402");
  REQUIRE(severity(found) == "limits");
  CHECK(found["figures"]["noise_rms"].get<double>() > found["figures"]["difference_rms"].get<double>());
}

TEST_CASE("saturated and dead units") {
  CHECK(severity(provoked("ideal", 1, {"network.initial_scale=100", "train.rates=[0, 0]"}, "EQ-403")) == "limits");
  // a tiny window of the input: nothing reaches the hidden units
  CHECK(severity(provoked("ideal", 1, {"network.initial_scale=0.001", "train.rates=[0, 0]"}, "EQ-404")) == "limits");
}

TEST_CASE("weights at the end of their window, pulses in vain, changes cut") {
  const std::vector<std::string> narrow = {"crossbar.weight_max=0.01", "train.rates=[1, 1]"};
  CHECK(severity(provoked("crossbar", 2, narrow, "EQ-405")) != "none");
  CHECK(severity(provoked("crossbar", 2, narrow, "EQ-202")) != "none");
  CHECK(severity(provoked("crossbar", 1, {"device.stuck_low=0.3", "device.stuck_high=0.3"}, "EQ-202")) == "limits");
  CHECK(severity(provoked("crossbar", 1, {"crossbar.max_pulses=1", "train.rates=[3, 1]"}, "EQ-203")) == "limits");
}

TEST_CASE("stuck devices, by plane") {
  const Json found = provoked("crossbar", 1, {"device.stuck_low=0.2", "device.stuck_high=0.1"}, "EQ-406");
  REQUIRE(severity(found) == "limits");
  CHECK(found["figures"]["stuck_fraction"].get<double>() == Approx(0.3).margin(0.05));
  CHECK(found["figures"]["stuck_plus"].get<double>() > 0);
  CHECK(found["figures"]["stuck_minus"].get<double>() > 0);
}

TEST_CASE("rates too high and too low") {
  CHECK(severity(provoked("ideal", 3, {"train.rates=[30, 10]"}, "EQ-407")) == "fatal");
  CHECK(severity(provoked("crossbar", 1, {"train.rates=[1e-6, 1e-6]"}, "EQ-408")) == "limits");
  CHECK(severity(provoked("ideal", 1, {"train.rates=[1e-7, 1e-7]"}, "EQ-408")) == "limits");
}

TEST_CASE("a nudge below the floor, in the dead zone, and one that bends the gradient; a run that chose its own is above the floor") {
  CHECK(severity(provoked("crossbar", 1, {"crossbar.read_noise=0.5", "train.beta=0.05"}, "EQ-413")) == "limits");
  const Json dead = provoked("ideal", 1, {"train.beta=0.01", "train.rates=[0.3, 0.1]"}, "EQ-414");
  CHECK(severity(dead) == "limits");
  if (!dead.is_null()) CHECK(dead["figures"]["limit"].get<double>() > dead["figures"]["beta"].get<double>());
  CHECK(severity(provoked("ideal", 1, {"network.initial_scale=3", "train.beta=0.9"}, "EQ-415")) == "note");

  Ward ward;
  REQUIRE(ward.train("crossbar", 1, {"train.beta=auto"}).exit_code == 0);
  const Json diagnosis = ward.diagnosis();
  INFO(diagnosis.dump(1));
  CHECK(finding(diagnosis, "EQ-413").is_null());
  REQUIRE(diagnosis["budget"]["layers"].size() == 2);
  CHECK(diagnosis["budget"]["layers"][0]["adc_step"].get<double>() > 0);
  CHECK(diagnosis["budget"]["floor"].get<double>() < diagnosis["budget"]["beta"].get<double>());
  const Outcome text = run_program({"doctor", "run"}, ward.folder().path());
  CHECK(text.out.find("noise budget at beta") != std::string::npos);
  // exact gradients have no beta, and no budget
  Ward exact;
  REQUIRE(exact.train("ideal", 1, {"train.estimator=implicit"}).exit_code == 0);
  CHECK_FALSE(exact.diagnosis().contains("budget"));
}

TEST_CASE("a diverged run is read, not refused") {
  Ward ward;
  const Outcome trained = ward.train("ideal", 5, {"network.hidden=linear", "network.output=linear", "train.rates=[1000, 1000]"});
  CHECK(trained.exit_code == 1);
  CHECK(severity(finding(ward.diagnosis(), "EQ-301")) == "fatal");
}

TEST_CASE("overfitting: few samples, many weights") {
  const std::vector<std::string> few = {"data.validation_fraction=0.9", "network.layers=[64, 128, 10]", "train.rates=[0.3, 0.1]"};
  const Json found = provoked("ideal", 40, few, "EQ-409");
  REQUIRE(severity(found) != "none");
  CHECK(found["figures"]["train_accuracy"].get<double>() > found["figures"]["validation_accuracy"].get<double>() + 0.03);
}

TEST_CASE("the range of the ADC: clipped, and hardly used") {
  CHECK(severity(provoked("crossbar", 1, {"crossbar.adc_range_forward=0.05"}, "EQ-410")) == "limits");
  CHECK(severity(provoked("crossbar", 1, {"crossbar.adc_range_forward=1000"}, "EQ-411")) == "limits");
}

TEST_CASE("lost classes, an accuracy below the target") {
  CHECK(severity(provoked("ideal", 2, {"train.rates=[3, 3]", "train.beta=0.1"}, "EQ-201")) != "none");
  CHECK(severity(provoked("ideal", 1, {"target.validation_accuracy=0.999"}, "EQ-205")) == "limits");
}

TEST_CASE("a run that was interrupted is read") {
  Ward ward;
  write_file_text(ward.folder() / "small.toml", small_config("crossbar", 1000));
  Program program({"train", "small.toml", "--out", "run"}, ward.folder().path());
  REQUIRE(program.wait_for("epoch 2/"));
  program.signal(SIGINT);
  CHECK(program.wait().exit_code == 130);
  const Json diagnosis = ward.diagnosis();
  CHECK(diagnosis["finished"] == false);
  CHECK(severity(finding(diagnosis, "EQ-207")) == "note");
}

TEST_CASE("endurance: thousands of pulses on the same devices in every step") {
  const std::vector<std::string> wearing = {
      "network.layers=[64, 1, 10]", "network.output=linear",      "train.rates=[1000, 1000]", "train.batch=4",
      "crossbar.max_pulses=4096",   "crossbar.programming=count", "crossbar.weight_max=2",    "crossbar.pair=toward_middle"};
  const Json found = provoked("crossbar", 1, wearing, "EQ-412");
  REQUIRE(severity(found) != "none");
  CHECK(found["figures"]["pulses"].get<double>() > 1e5);
}

TEST_CASE("what is no run has exit code 3") {
  const TemporaryFolder folder;
  CHECK(run_program({"doctor", "absent"}, folder.path()).exit_code == 3);
  CHECK(run_program({"doctor", folder.path().string()}, folder.path()).exit_code == 3);
}
