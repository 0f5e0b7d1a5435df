// The presets, each with its source. What a source does not state is named in `assumed`.
#include "crossbar/device/catalogue.h"

#include <algorithm>
#include <cmath>

namespace eqprop {
namespace {

DevicePreset taox_180nm() {
  DevicePreset d;
  d.name = "TaOx-180nm";
  d.G_min = 2e-6;
  d.G_max = 150e-6;
  d.pulses_per_window = 200;
  const auto step = static_cast<float>((d.G_max - d.G_min) / d.pulses_per_window);
  d.law = SoftBounds{.step_up = step, .step_down = step};
  d.cycle_sd = 0.3;
  d.step_spread = 0.1;
  d.bound_spread = 0.05;
  d.set_volt = 1.2;
  d.reset_volt = -1.4;
  d.pulse_second = 100e-9;
  d.read_volt = 0.2;
  d.stuck_threshold = 5e-6;
  d.endurance_min = 1e6;
  d.endurance_max = 1e12;
  d.reference =
      "He et al., Nat. Commun. 2026, 10.1038/s41467-026-69958-0 (1T1M 64x64: conductances to 150 uS, write-verify to 5 uS, read 0.2 V)";
  d.notes = "The paper shows write-verify, no incremental pulses: the pulse law is assumed, each number good to a factor of 3 either way.";
  d.assumed = {"law", "G_min", "pulses_per_window", "cycle_sd", "step_spread", "bound_spread", "set_volt", "reset_volt", "pulse_second"};
  return d;
}

DevicePreset sandia_cell() {
  DevicePreset d;
  d.name = "Sandia-cell";
  d.G_min = 1606e-6;
  d.G_max = 2485e-6;
  // SET: -8.35 + 0.00651 G, RESET: -5.3, in uS; the law wants the step at the middle and its relative slope per half window
  const double middle = 1e6 * (d.G_min + d.G_max) / 2;
  const double half = 1e6 * (d.G_max - d.G_min) / 2;
  const double set = -8.35 + 0.00651 * middle;
  d.law =
      LinearStep{.step_up = static_cast<float>(1e-6 * set), .step_down = 5.3e-6f, .gamma_up = static_cast<float>(-0.00651 * half / set)};
  d.pulses_per_window = 170;
  d.cycle_sd = 0.145;
  d.read_volt = 0.1;
  d.reference = "CrossSim 2.0, measured SET and RESET trains of one cell (github.com/sandialabs/cross-sim)";
  d.notes =
      "One device, so no device spread. The source states no programming volts and seconds: set them before an array is built, pulses must "
      "be priced.";
  return d;
}

DevicePreset neurram() {
  DevicePreset d;
  d.name = "HfOx-NeuRRAM";
  d.kind = DeviceKind::verify_only;
  d.G_max = 39.3e-6;
  d.set_volt = 1.75;
  d.reset_volt = -1.75;
  d.pulse_second = 8.5e-6;
  d.write_sigma = {1.053, 0.2374, -0.01167, 1.536e-4};
  d.reference = "Wan et al., Nature 2022, 10.1038/s41586-022-04992-8 (write error one second after write-verify, as fitted in CrossSim)";
  d.notes = "Known only as written by write-verify: a write is charged as one SET train and one read. Training with it is an error.";
  d.assumed = {"G_min", "reset_volt"};
  return d;
}

/// Numbers of aihwkit, which knows weights, not siemens: a device of its own for w in [w_min, w_max].
struct WeightDevice {
  double w_min, w_max;
  double dw;                                   // dw_min: step at w = 0
  double step_sd;                              // dw_min_dtod
  double low_sd, high_sd;                      // w_min_dtod, w_max_dtod times |bound|
  double tilt_sd;                              // up_down_dtod
  double cycle_sd, floor_sd = 0, rise_sd = 0;  // dw_min_std of the step, of dw at any w, of w - w_min
  double write_sd = 0;                         // write_noise_std, of dw

  double range() const { return w_max - w_min; }
  double middle() const { return (w_min + w_max) / 2; }
};

constexpr double kAssumedLow = 50e-6, kAssumedHigh = 150e-6;  // [S] leaves room for bounds that scatter by a third of the window

float in_siemens(double w, const WeightDevice& weight, const DevicePreset& d) {
  return static_cast<float>(w * d.window() / weight.range());
}

/// Window, spread and noise; the law must be there.
DevicePreset with_noise(DevicePreset d, const WeightDevice& w) {
  const double half = w.range() / 2;
  d.pulses_per_window = w.range() / w.dw;
  d.cycle_sd = w.cycle_sd;
  d.cycle_floor = w.floor_sd * w.dw / w.range();
  d.cycle_slope = w.rise_sd;
  d.step_spread = w.step_sd;
  d.low_spread = w.low_sd / half;
  d.high_spread = w.high_sd / half;
  d.asymmetry_spread = std::sqrt(3.0) * w.tilt_sd;  // uniform, of the same sd
  d.write_noise = w.write_sd * w.dw * d.window() / w.range() / d.nominal_step();
  d.set_volt = 1.2;
  d.reset_volt = -1.4;
  d.pulse_second = 100e-9;
  // not finer than a pulse can aim
  d.verify_tolerance = std::max(d.window() / 30, 0.6 * d.nominal_step());
  d.notes +=
      " The source gives weights: conductances, volts and seconds are assumed, so its joules are too. Scatter of up against down steps is "
      "uniform here, of the same sd.";
  d.assumed = {"G_min", "G_max", "set_volt", "reset_volt", "pulse_second", "verify_tolerance"};
  return d;
}

DevicePreset window_of_weights(std::string name, double low = kAssumedLow, double high = kAssumedHigh) {
  DevicePreset d;
  d.name = std::move(name);
  d.G_min = low;
  d.G_max = high;
  return d;
}

/// dw (1 - w / w_max) up and dw (1 - w / w_min) down: the step at w = 0 is dw, at the far bound dw times range over the bound.
SoftBounds soft_bounds_of(const WeightDevice& w, const DevicePreset& d) {
  return {.step_up = in_siemens(w.dw * w.range() / w.w_max, w, d), .step_down = in_siemens(w.dw * w.range() / -w.w_min, w, d)};
}

/// dw (1 - gamma_up w / w_max) up and dw (1 - gamma_down w / w_min) down.
LinearStep linear_of(const WeightDevice& w, double gamma_up, double gamma_down, const DevicePreset& d) {
  const double up = 1 - gamma_up * w.middle() / w.w_max, down = 1 - gamma_down * w.middle() / w.w_min;
  const double half = w.range() / 2;
  return {.step_up = in_siemens(w.dw * up, w, d),
          .step_down = in_siemens(w.dw * down, w, d),
          .gamma_up = static_cast<float>(gamma_up * half / w.w_max / up),
          .gamma_down = static_cast<float>(gamma_down * half / -w.w_min / down)};
}

constexpr const char* kAihwkit = "github.com/IBM/aihwkit, presets; Rasch et al., AICAS 2021, 10.1109/AICAS51828.2021.9458494";

DevicePreset reram_es() {
  const WeightDevice w{.w_min = -1,
                       .w_max = 1,
                       .dw = 0.00135,
                       .step_sd = 0.2,
                       .low_sd = 0.3,
                       .high_sd = 0.3,
                       .tilt_sd = 0.05,
                       .cycle_sd = 5,
                       .write_sd = 75};
  DevicePreset d = window_of_weights("ReRAM-ES");
  // up_down .259359 of the source takes from the down step alone
  d.law = ExponentialStep{.step_up = in_siemens(w.dw, w, d),
                          .step_down = in_siemens(w.dw * (1 - 0.259359), w, d),
                          .A_up = -1.18445f,
                          .A_down = -0.081404f,
                          .gamma_up = 5,
                          .gamma_down = 5,
                          .a = -0.5f,
                          .b = -0.5f};
  d.reference = std::string("Gong et al., Nat. Commun. 2018, 10.1038/s41467-018-04485-1, as fitted in ReRamESPreset of ") + kAihwkit;
  d.notes = "HfO2 ReRAM; a pulse scatters by five times its step.";
  return with_noise(std::move(d), w);
}

DevicePreset reram_sb() {
  const WeightDevice w{.w_min = -0.75,
                       .w_max = 1.25,
                       .dw = 0.002,
                       .step_sd = 0.3,
                       .low_sd = 0.3,
                       .high_sd = 0.3,
                       .tilt_sd = 0.01,
                       .cycle_sd = 0,
                       .floor_sd = 3.75,
                       .write_sd = 56};
  DevicePreset d = window_of_weights("ReRAM-SB");
  d.law = soft_bounds_of(w, d);
  d.reference =
      std::string("Gong et al., Nat. Commun. 2018, 10.1038/s41467-018-04485-1, as fitted loosely in ReRamSBPreset of ") + kAihwkit;
  d.notes = "The source takes its devices as calibrated to their symmetry point; a pair of devices does that here in the mean.";
  return with_noise(std::move(d), w);
}

DevicePreset reram_array(std::string name, const WeightDevice& w, const std::string& which, const std::string& corrupt) {
  DevicePreset d = window_of_weights(std::move(name));
  d.law = soft_bounds_of(w, d);
  d.step_lognormal = true;
  d.reference =
      "Gong, Rasch et al., IEDM 2022 (ieeexplore.ieee.org, document 10019569), as fitted in ReRamArray" + which + "Preset of " + kAihwkit;
  d.notes = "Devices of an array, weight range after compliance adjustment. Left out as in the source: " + corrupt +
            " % corrupt devices (set stuck_low, stuck_high). Its reference devices of 5 % error are the other device of a pair here.";
  return with_noise(std::move(d), w);
}

DevicePreset hfo2_array_om() {
  return reram_array("HfO2-array-OM",
                     {.w_min = -1,
                      .w_max = 1,
                      .dw = 0.0949,
                      .step_sd = 0.7829,
                      .low_sd = 0.5695,
                      .high_sd = 0.3499,
                      .tilt_sd = 0.01,
                      .cycle_sd = 0,
                      .floor_sd = 0.4158,
                      .write_sd = 1.4113},
                     "OM", "13.5");
}

DevicePreset hfo2_array() {
  return reram_array("HfO2-array",
                     {.w_min = -1,
                      .w_max = 1,
                      .dw = 0.4622,
                      .step_sd = 0.7125,
                      .low_sd = 0.5990,
                      .high_sd = 0.4295,
                      .tilt_sd = 0.01,
                      .cycle_sd = 0,
                      .floor_sd = 0.2174,
                      .write_sd = 0.5841},
                     "HfO2", "9.8");
}

DevicePreset ecram_li() {
  const WeightDevice w{.w_min = -0.8276,
                       .w_max = 1.1724,
                       .dw = 0.002,
                       .step_sd = 0.1,
                       .low_sd = 0.05 * 0.8276,
                       .high_sd = 0.05 * 1.1724,
                       .tilt_sd = 0.01,
                       .cycle_sd = 0.3};
  DevicePreset d = window_of_weights("ECRAM-Li");
  d.law = linear_of(w, 0.1153, 0.5085, d);
  d.reference = std::string("Tang et al., IEDM 2018 (ieeexplore.ieee.org, document 8614551), as fitted in EcRamPreset of ") + kAihwkit;
  d.notes =
      "Lithium ECRAM. Spread of the gammas (sd 0.05) is left out. Its pulses charge a gate: V^2 G t of the channel is no measure of their "
      "joules.";
  return with_noise(std::move(d), w);
}

DevicePreset ecram_mo() {
  const WeightDevice w{.w_min = -0.8286,
                       .w_max = 1.1714,
                       .dw = 2.8214e-4,
                       .step_sd = 0.1,
                       .low_sd = 0.05 * 0.8286,
                       .high_sd = 0.05 * 1.1714,
                       .tilt_sd = 0.01,
                       .cycle_sd = 2};
  DevicePreset d = window_of_weights("ECRAM-MO");
  d.law = linear_of(w, 0.4152, 0.7342, d);
  d.reference = std::string("Kim et al., IEDM 2019 (ieeexplore.ieee.org, document 8993463), as fitted in EcRamMOPreset of ") + kAihwkit;
  d.notes =
      "Metal-oxide ECRAM. Spread of the gammas (sd 0.05) is left out. Its pulses charge a gate: V^2 G t of the channel is no measure of "
      "their joules.";
  return with_noise(std::move(d), w);
}

DevicePreset capacitor() {
  const WeightDevice w{.w_min = -1,
                       .w_max = 1,
                       .dw = 0.005,
                       .step_sd = 0.1,
                       .low_sd = 0.07,
                       .high_sd = 0.07,
                       .tilt_sd = 0.06,
                       .cycle_sd = 0,
                       .floor_sd = 0.3};
  DevicePreset d = window_of_weights("Capacitor");
  d.law = linear_of(w, 0.05, 0.05, d);
  d.reference = std::string("Li et al., VLSI 2018 (ieeexplore.ieee.org, document 8510648), as fitted in CapacitorPreset of ") + kAihwkit;
  d.notes =
      "Charge on a capacitor that gates a transistor. Left out: leakage (a decay per mini-batch in the source) and the spread of the "
      "gammas (sd "
      "0.01). V^2 G t is no measure of the joules of its pulses.";
  return with_noise(std::move(d), w);
}

DevicePreset pcm() {
  // sd of a pulse in the source: .6 (|dw| + .042 + .108 w), with w = 0 at the lower bound
  const WeightDevice w{.w_min = 0,
                       .w_max = 2,
                       .dw = 0.01,
                       .step_sd = 0.2,
                       .low_sd = 0,
                       .high_sd = 0.1 * 2,
                       .tilt_sd = 0.05,
                       .cycle_sd = 0.6,
                       .floor_sd = 0.6 * 0.042 / 0.01,
                       .rise_sd = 0.6 * 0.108};
  DevicePreset d = window_of_weights("PCM-GST", 0, 25e-6);
  // z = -w of the source is -x - 1 here
  d.law = ExponentialStep{.step_up = in_siemens(w.dw, w, d),
                          .step_down = in_siemens(w.dw, w, d),
                          .A_up = -27.235f,
                          .A_down = -2.235f,
                          .gamma_up = 2.5f,
                          .gamma_down = 2.5f,
                          .a = -1,
                          .b = -1};
  d.reference = std::string("Nandakumar et al., Front. Neurosci. 2020, 10.3389/fnins.2020.00406, as fitted in PCMPreset of ") + kAihwkit;
  d.notes =
      "The source uses it with SET pulses alone, in pairs that are refreshed now and then. Here RESET pulses move it by the source's down "
      "branch: gradual steps that phase change does not have. Drift as in PCMLikeNoiseModel of the same, of read noise only what a config sets.";
  d.drift = {.second = 20, .exponent = {0.0244, -0.0155, 0.049, 0.1}, .spread = {-0.0059, -0.0125, 0.008, 0.045}};
  return with_noise(std::move(d), w);
}

DevicePreset ag_a_si() {
  DevicePreset d;
  d.name = "Ag-aSi";
  d.G_min = 3.1e-9;
  d.G_max = 38.5e-9;
  d.pulses_per_window = 98.5;
  d.law = NeuroSimStep::from_trains(d.window(), {.pulses = 97, .A = 97 * neurosim_nonlinearity(2.4)},
                                    {.pulses = 100, .A = 100 * neurosim_nonlinearity(4.88)});
  d.cycle_floor = 0.035;
  d.set_volt = 3.2;
  d.reset_volt = -2.8;
  d.pulse_second = 300e-6;
  d.read_volt = 0.5;
  d.verify_tolerance = d.window() / 30;
  d.reference = "Ag:a-Si of MLP_NeuroSim, github.com/neurosim/MLP_NeuroSim_V3.0; Chen, Peng, Yu, IEEE Trans. CAD 37(12), 3067-3080 (2018)";
  d.notes =
      "97 SET pulses of nonlinearity 2.4 and 100 RESET pulses of -4.88 cross the window; the mean of both is shown. No device spread.";
  d.assumed = {"verify_tolerance"};
  return d;
}

DevicePreset taox_hp() {
  DevicePreset d;
  d.name = "TaOx-HP";
  d.G_min = 5e-3;
  d.G_max = 9e-3;
  d.set_volt = 0.5;
  d.reset_volt = -0.51;
  d.pulse_second = 2e-9;
  d.read_volt = 0.2;
  StrachanStep law;
  law.edge_second = 0.2e-9;
  d.law = law;
  d.integrate_law();
  d.verify_tolerance = d.window() / 30;
  d.reference =
      "Strachan et al., IEEE Trans. Electron Devices 60(7), 2194-2202 (2013), in the form and numbers of github.com/mladenovvaleri/"
      "Advanced-Memristor-Modeling, model 2; Ascoli, Tetzlaff, Chua, Radioengineering 24(2), 384-392 (2015), 10.13164/re.2015.0384";
  d.notes =
      "The source gives the equation of motion of one device of 25 mS. Pulses and window are chosen here so that SET and RESET cross the "
      "window "
      "in some hundred pulses: at these volts 10 mV change a step by a factor of 2 (RESET) or 3 to 10 (SET), and below 5 mS RESET dies "
      "out. No "
      "noise, no device spread.";
  d.assumed = {"G_min", "G_max", "set_volt", "reset_volt", "pulse_second", "read_volt", "verify_tolerance"};
  return d;
}

}  // namespace

std::vector<DevicePreset> device_catalogue() {
  static const DevicePreset integrated = taox_hp();  // some milliseconds of work: once
  return {taox_180nm(), sandia_cell(), neurram(),   reram_es(), reram_sb(), hfo2_array_om(), hfo2_array(),
          ecram_li(),   ecram_mo(),    capacitor(), pcm(),      ag_a_si(),  integrated};
}

}  // namespace eqprop
