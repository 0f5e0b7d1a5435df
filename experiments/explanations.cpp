#include "experiments/explanations.h"

namespace eqprop {
namespace {

constexpr Explanation kExplanations[] = {
    // command line and configuration
    {Code::usage, "usage", "the command line is not understood",
     "A command, option or value on the command line does not exist, is missing, or stands with another one that excludes it (--seed and "
     "--seeds).",
     "`eqprop --help` lists the commands, `eqprop COMMAND --help` the options of one. `eqprop completion bash` completes them in the "
     "shell."},
    {Code::toml_syntax, "toml_syntax", "the config is not valid TOML",
     "The file breaks a rule of TOML (toml.io): an unclosed quote or bracket, two values on a line, a key twice. The message names line "
     "and column.",
     "Mend that line. Texts stand in quotes, lists in brackets: `layers = [64, 128, 10]`, `loop = \"digital\"`. Compare "
     "experiments/config/digits.toml."},
    {Code::unknown_key, "unknown_key", "a key or section that does not exist",
     "The config or a --set names a key that no section has. Mostly it is misspelt or stands in another section; the message names the "
     "nearest key, or the "
     "section it belongs to.",
     "Correct the name. docs/formats.md lists every key with its unit, range and default."},
    {Code::missing_key, "missing_key", "a key that has no default is absent",
     "seed, data.name, network.layers, train.epochs and train.rates must be given; with data.name = \"csv\" or \"idx\" also the files. "
     "There is no default "
     "seed, so that no two people get the same run by accident.",
     "Add the line that the message shows, or give it by `--set section.key=value`."},
    {Code::wrong_type, "wrong_type", "a value of another type",
     "A text stands where a number is expected, one number where a list is, a table inside a section, or a date.",
     "Write the value as the message says. With --set, quote what the shell would take apart: `--set 'network.layers=[64, 32, 10]'`."},
    {Code::out_of_range, "out_of_range", "a number outside its range",
     "Each number of the config has a range in which it has a meaning; NaN and infinity are never inside. The message says which range. "
     "--checkpoint-every refuses what is no number of steps or seconds by this code too.",
     "Choose a value inside. docs/formats.md lists the ranges."},
    {Code::unknown_name, "unknown_name", "no such device, data set, estimator, price list or code",
     "A name is looked up in a closed list and is not there: crossbar.device, data.name, train.estimator, network.hidden, energy.prices, "
     "energy.gpu, and "
     "the arguments of `eqprop devices` and `eqprop explain`.",
     "Take one of the names in the message; the nearest is given first. A price list may also be the path of a .toml file of your own."},
    {Code::unit, "unit", "a quantity without its unit, or with a wrong one",
     "Volts, seconds and siemens are written with their unit, so that nobody has to guess: read_voltage = 0.2 is refused, \"200 mV\" is "
     "taken.",
     "Write a text of number and unit, like \"200 mV\", \"100 ns\" or \"2 uS\"; the message lists the units that fit."},
    {Code::conflict, "conflict", "two values that cannot stand together",
     "Each is allowed, both are not: rates that are not one per coupling, softmax without cross entropy, an analog loop with a read-out, "
     "data.test beside "
     "data.test_fraction, a key of another data source, network.output softmax without a hidden layer.",
     "The message names both; change one. train.rates has one entry per coupling, the one above the input first."},
    {Code::layers_and_data, "layers_and_data", "the layers do not fit the data",
     "The first layer has as many units as a sample has features, the last as many as there are classes.",
     "Set network.layers as the message says, e.g. [64, 128, 10] for the digits (64 pixels, 10 classes) or [784, 512, 10] for MNIST."},
    {Code::assignment, "assignment", "--set without a key and a value", "--set takes one assignment, section.key=value, with one value.",
     "`--set train.epochs=2`, `--set network.coupling=ideal`, `--set 'train.rates=[0.3, 0.1]'`; repeat --set for more."},
    {Code::seeds, "seeds", "a list of seeds that cannot be read",
     "--seeds takes ranges and numbers without blanks, each seed once, at most 1000.", "`--seeds 1..5` or `--seeds 1,2,7`."},
    {Code::folder_taken, "folder_taken", "the run folder is not empty",
     "The folder holds a run, or files that are no run. A run is never overwritten.",
     "Go on with the run in it by `--resume`, choose another folder by `--out`, or remove the old one yourself."},
    {Code::other_config, "other_config", "a run is resumed with another config",
     "--resume continues the very same run: config, --set options and seed must be those of its start, apart from [target]. The message "
     "shows the first line that "
     "differs.",
     "Give them as they were (RUN/config.toml has them all), or start a new run with another --out."},
    {Code::device, "device", "a device that cannot be built, trained or priced",
     "A preset of kind verify_only has no pulse law, so nothing can be learned on it; or its source states no volts and seconds of a "
     "pulse, so that its pulses "
     "have no energy; or fields of [device] contradict each other (conductance_max below conductance_min, bounds that cross).",
     "`eqprop devices` lists the presets and their kind. Set what is missing in [device], e.g. set_voltage = \"1 V\", reset_voltage = \"-1 "
     "V\", pulse_time = "
     "\"100 ns\"; what you set is marked as yours in every report."},
    {Code::carve, "carve", "no validation or test set can be carved",
     "A fraction of each class is set aside, and some class has too few samples to leave one on both sides.",
     "Raise or lower data.validation_fraction (or data.test_fraction), give a test file of your own in data.test, or drop the class."},
    {Code::weight_window, "weight_window", "the window of the weights cannot be chosen",
     "With crossbar.weight_max = 0 the largest weight that fits is weight_headroom times what the initial weights need; they are all zero "
     "or not finite.",
     "Set crossbar.weight_max, or a network.initial_scale above 0."},
    {Code::ranks, "ranks", "joules of different ranks were to be compared",
     "B0 counts cells alone, B2 all of the chip's work; G0 to G2 count the same parts of a GPU. A ratio across ranks means nothing and is "
     "refused.",
     "Compare B0 with G0, B1 with G1, B2 with G2. This comes from the library's energy_ratio, never from the program."},
    // files
    {Code::missing_file, "missing_file", "a file is not there",
     "A config, data file, price list, ledger or checkpoint was not found at the path shown. Paths inside a config start at the folder of "
     "the config, those on the "
     "command line at the folder you are in.",
     "Correct the path. A run without checkpoint.eqp was stopped before its first save: start it anew."},
    {Code::unreadable, "unreadable", "a file is there but cannot be read",
     "The system refused: no permission, a folder in place of a file, a broken disk. Its own words stand in the message.",
     "Look at the path with `ls -l`; make it readable, or name a file."},
    {Code::wrong_format, "wrong_format", "a file of another kind",
     "The first bytes are not those of the kind expected: images and labels swapped, a plain text for an IDX file, a checkpoint of another "
     "program, an empty table.",
     "Name the right file. IDX files begin with two zero bytes and the type 8; checkpoints with EQPCKPT. docs/formats.md describes each."},
    {Code::truncated, "truncated", "a file ends too early",
     "It is shorter than its own header says: a download or copy that was cut off, or a full disk.",
     "Fetch it again and compare its size. For a checkpoint use an older copy, or start the run anew."},
    {Code::damaged, "damaged", "a file is damaged",
     "A checksum differs, or what is inside cannot be: a checkpoint that was edited, gzip data with flipped bits, a run's config.toml that "
     "was changed by hand.",
     "Take an undamaged copy. Do not edit the files of a run folder: to change something start a new run."},
    {Code::other_version, "other_version", "a file of another version",
     "The checkpoint was written by another version of eqprop, or by a build with another shard size. Its bits would mean something else "
     "here.",
     "Use the version named in the message (RUN/version.txt has it too), or start the run anew."},
    {Code::bad_cell, "bad_cell", "a cell or row of a table is not as expected",
     "A CSV cell is no number, negative, above data.scale or a row has more or fewer cells than the rows before; an image's pixel lies "
     "above data.scale; a split file "
     "is not in rising order.",
     "Mend the line and column of the message. Set data.scale to the largest feature value (255 for bytes): features are divided by it and "
     "must end in [0, 1]."},
    {Code::bad_label, "bad_label", "a label is wrong, or a class is empty",
     "Labels are the whole numbers 0 .. classes - 1 and each occurs in the training set.",
     "Number the classes from 0 without gaps. Is data.label_column right (\"last\" or \"first\")?"},
    {Code::files_disagree, "files_disagree", "two files do not belong together",
     "Images and labels have different counts, training and test different features, a split names another table, or a stored array has "
     "another seed or shape.",
     "Give files of one set, made together."},
    {Code::bad_price, "bad_price", "a price file is not as expected",
     "A price lacks min, typical or max, they are out of order, a unit is unknown, or a rate of the GPU is not above 0. The message names "
     "line and column.",
     "Compare energy/prices/cmos130.toml, or docs/formats.md."},
    {Code::missing_price, "missing_price", "an event without a price",
     "A price list must price every event of the ledger; a missing price would count as zero and make the bill too small.",
     "Add the table that the message shows, with min, typical, max, source, node and boundary."},
    {Code::bad_ledger, "bad_ledger", "a ledger that cannot be read",
     "ledger.json of the run folder is no ledger of this program: edited, cut off, or with events this version does not know.",
     "Resume the run for another epoch, or restore the file from a copy; it is written anew at the end of each epoch."},
    {Code::no_run, "no_run", "no run folder", "The folder lacks config.toml or version.txt, or was filled by another program.",
     "Name a folder that `eqprop train` filled. With --seeds each seed has its own: runs/digits/seed-1."},
    {Code::cannot_write, "cannot_write", "a file cannot be written",
     "The folder is missing or not yours, or the disk is full. An older file of the same name is untouched: files are replaced in one "
     "move.",
     "Check with `df -h` and `ls -ld`; choose another folder by --out. A run that was going on can be resumed."},
    {Code::no_data, "no_data", "a named data set is not here",
     "Only the digits come with the project. Other named sets are read from folders of their names inside EQPROP_DATA_DIR or, when that is "
     "not "
     "set, in the user's cache folder; there the set is missing or lacks a file.",
     "`eqprop data fetch mnist` fetches one (docs/data.md), `export EQPROP_DATA_DIR=FOLDER` names a folder that has it; or name your own "
     "files "
     "with data.name = \"idx\" or \"csv\"."},
    {Code::other_data, "other_data", "a run is resumed with other data",
     "The data files changed since the run was started: the checkpoint holds a fingerprint of every set.",
     "Restore the files of then, or start a new run with another --out."},
    {Code::nothing_to_price, "nothing_to_price", "nothing was trained yet",
     "The ledger holds no training sample, so there is no energy per sample.",
     "Let the run pass its first epoch: `eqprop train ... --resume`."},
    {Code::not_fetched, "not_fetched", "a file could not be fetched",
     "No mirror of the data set gave the whole file: no network, a name that does not resolve, an answer like 404, or a connection that "
     "broke. What came is kept as NAME.part.",
     "Run `eqprop data fetch NAME` again, it goes on where it stopped; `--mirror URL` takes the files from elsewhere (a folder too, as "
     "file:///PATH); docs/data.md says how to bring them in by hand."},
    {Code::missing_program, "missing_program", "gnuplot or ngspice is not installed, or failed",
     "`eqprop plot` and the `--map` of `eqprop crossbar` draw with gnuplot, `eqprop crossbar check` asks ngspice; the one that the message "
     "names was not found in PATH, could not be started, or refused its input. Training and every other command work without them.",
     "Install gnuplot 5.4 or later with its svg and pngcairo terminals: apt install gnuplot-nox. Install ngspice: apt install ngspice."},
    // warnings, and results below what was asked for
    {Code::lost_class, "lost_class", "outputs that no longer learn",
     "Over a whole epoch no sample moved this output in a nudged phase and none of its samples was answered right. An output clamped at "
     "the lower bound, further "
     "below it than the nudge reaches, has a gradient of exactly 0 and does not come back by itself.",
     "A larger train.beta, a smaller last entry of train.rates, network.output = \"linear\", or network.cost = \"cross_entropy\"."},
    {Code::pulses_clipped, "pulses_clipped", "pulses end at a bound of the conductance window",
     "More than a fifth of an epoch's pulses ended at G_min or G_max: the weights that the rule wants do not fit into the window, or "
     "devices are stuck.",
     "A larger crossbar.weight_headroom (or crossbar.weight_max), smaller train.rates; `eqprop doctor RUN` shows how many devices stand at "
     "a bound."},
    {Code::changes_capped, "changes_capped", "wanted changes are cut to max_pulses",
     "In one step a device takes at most crossbar.max_pulses pulses; more than that was often wanted, so the devices lag behind the rule.",
     "Smaller train.rates, a larger crossbar.max_pulses, or a larger train.batch with the same rates."},
    {Code::some_diverged, "some_diverged", "some settles diverged",
     "A state left all bounds or became not finite before it settled. Such samples teach nothing and are left out of the update. With "
     "unbounded units (linear, clipped_relu with a "
     "high ceiling) couplings that are too strong have no minimum.",
     "Smaller train.rates, a smaller network.initial_scale, or bounded units (network.hidden = \"hard_sigmoid\")."},
    {Code::target_not_reached, "target_not_reached", "the accuracy lies below [target]",
     "The config asks for target.validation_accuracy or target.test_accuracy and the run (the mean over seeds) ended below. Everything was "
     "written all the same.",
     "What limits the run stands in the other findings of `eqprop doctor RUN`. More train.epochs, other train.rates, a wider hidden layer; "
     "or a target that fits."},
    {Code::nothing_to_resume, "nothing_to_resume", "--resume, but there is no run yet",
     "None of the run folders holds a checkpoint, so the run starts at its beginning.",
     "Nothing to do when that was meant; else check --out."},
    {Code::run_unfinished, "run_unfinished", "a run that is read before its end",
     "The run was interrupted or still goes on. The test set is touched once, at the end, so only validation is shown.",
     "Finish it: `eqprop train ... --resume` with the same config, options and --out."},
    {Code::couplings_replaced, "couplings_replaced", "gradcheck took exact weights",
     "Finite differences displace single weights by 1e-5, which no device can do: a crossbar network is checked on ideal couplings of the "
     "same shape.",
     "Nothing to do; network.coupling = \"ideal\" silences it."},
    {Code::cosine_not_reached, "cosine_not_reached", "the estimate points elsewhere than the gradient",
     "A cosine between the estimate and finite differences lies below target.cosine: a beta that is too large for a network with strong "
     "feedback, or an estimator of first "
     "order.",
     "`--beta 0.01`, `--estimator centered`, a smaller network.initial_scale; or a lower target.cosine."},
    {Code::moving_feedback, "moving_feedback", "weights that move within a phase overtake it",
     "With train.estimator continual or agnostic the weights move while the network is nudged. A move of the first coupling pushes the "
     "same "
     "units on, by rate x |x|^2 / beta of their change, |x|^2 the overlap of the inputs in a batch: above 1 the phase runs away.",
     "A smaller first entry of train.rates, a larger train.beta, or a larger train.batch of samples that differ."},
    {Code::wires_not_solved, "wires_not_solved", "the circuit was not solved to the tolerance",
     "The iterations ended before the currents into every node added up to less than the tolerance, so no currents are given. Cells that "
     "conduct far better than a segment of wire make it hard, and so do drivers or sense inputs of more than 1e9 times its ohms.",
     "A larger --tolerance; check the unit of the conductances (siemens) and of --wire-ohm."},
    {Code::law_misses, "law_misses", "no law says what the measured pulses do",
     "On pulses left out of the fit a plain table of mean steps is better than the best law, by more than chance: a device whose steps depend "
     "on more than its conductance, pulses of several kinds in one file, or a drift between them.",
     "Look at the plot of residuals (--svg); fit the parts apart, or train with the measured steps themselves, law = \"quantile_table\"."},
    {Code::no_aging, "no_aging", "nothing in this run changes with time",
     "`eqprop eval --after` lets devices drift, lose and fluctuate, but this run's devices have no drift, no retention time, no 1/f and no "
     "telegraph noise. The accuracies differ by read noise at most.",
     "Set device.drift_time with device.drift_exponent, device.retention_time, crossbar.flicker or crossbar.telegraph and train again."},
    // the end of a run, and of the program
    {Code::run_diverged, "run_diverged", "the run stopped because most samples diverged",
     "In an epoch more than half of the samples diverged in some phase: the weights have lost their meaning. The folder is kept as it is, "
     "and resuming it stops at once.",
     "Start anew, with train.rates ten times smaller, a smaller network.initial_scale, or bounded units."},
    {Code::internal, "internal", "a mistake of the program itself",
     "A check inside the program failed, or memory ran out. It is not your mistake.",
     "Please report it with the whole message, the command and the config. A run can be resumed from its last checkpoint."},
    // findings of the doctor
    {Code::settles_cut_short, "settles_cut_short", "settles end by their budget",
     "The sweeps of settle.budget were used up before the change fell below settle.tolerance or the noise floor. The phases then differ by "
     "what was not settled yet, and the "
     "estimate is not the gradient.",
     "A larger settle.budget (and settle.nudged_budget), a looser settle.tolerance, or a smaller network.initial_scale, which couples the "
     "layers less."},
    {Code::noise_hides_contrast, "noise_hides_contrast", "read noise hides the difference between the phases",
     "What the rule learns from is the difference between a nudged and a free state. When the noise of reads and the steps of the ADC move "
     "the states as much, single "
     "samples teach little and many must be averaged.",
     "A larger train.beta (the difference grows with it), lower crossbar.read_noise, higher crossbar.read_voltage, more crossbar.adc_bits, "
     "a longer "
     "settle.noise_window (states are averaged over it), a larger train.batch."},
    {Code::units_saturated, "units_saturated", "units stand at a bound of their activation",
     "A unit at its bound does not feel a small nudge: it passes nothing on and its weights are not taught. Some of that is how such "
     "networks compute; most of a layer is too much.",
     "A smaller network.initial_scale, smaller train.rates, a larger train.beta, or network.hidden = \"tanh\", which has no corner."},
    {Code::units_dead, "units_dead", "units answer the same to every sample",
     "Over the samples looked at a unit's free state does not change: it tells nothing about the input and mostly stays so.",
     "Smaller train.rates at the start, another seed or network.initial_scale, or fewer hidden units in network.layers."},
    {Code::devices_at_bound, "devices_at_bound", "devices stand at a bound of their window",
     "A device at G_min or G_max takes pulses in one direction only, so the weight is limited. With pairs, one device at its lower bound "
     "is normal; a pair with one at its upper and the "
     "other at its lower bound holds the largest weight there is.",
     "A larger crossbar.weight_headroom or crossbar.weight_max, smaller train.rates; crossbar.pair = \"toward_middle\" keeps pairs away "
     "from their bounds."},
    {Code::devices_stuck, "devices_stuck", "devices do not move",
     "Pulses were sent and the conductance is still that of the stuck state: device.stuck_low and device.stuck_high of the config, or of "
     "the preset.",
     "Lower device.stuck_low and device.stuck_high, or give the network more hidden units (network.layers) to learn around them."},
    {Code::rate_too_high, "rate_too_high", "the rates are too high",
     "The cost rises from one epoch to the next, settles diverge, or changes are cut to the most pulses a device may get: one step moves "
     "the weights further than the slope holds.",
     "train.rates three to ten times smaller; train.schedule = \"linear\" or \"cosine\" with a small train.final_fraction; less "
     "train.momentum."},
    {Code::rate_too_low, "rate_too_low", "the rates are too low, or training is too short",
     "Hardly a pulse is sent, since wanted changes stay below what one pulse does, or the accuracy still rises in the last epochs.",
     "Larger train.rates, more train.epochs, a larger train.final_fraction; crossbar.programming = \"threshold_accumulate\" keeps what is "
     "below a pulse."},
    {Code::overfitting, "overfitting", "training is far better than validation",
     "The network knows its training samples and not the kind of them: too many weights for too little data, or too many epochs.",
     "More data, fewer hidden units (network.layers), fewer train.epochs. A validation set below a few hundred samples also shows such "
     "gaps by chance: compare --seeds 1..5."},
    {Code::adc_clips, "adc_clips", "currents leave the range of the ADC",
     "The range was set, or measured on the first samples, and weights have grown beyond it since: what lies outside is cut to the largest "
     "code.",
     "A larger crossbar.adc_margin or crossbar.adc_range_forward (adc_range_backward), or more train.calibration_samples."},
    {Code::adc_hardly_used, "adc_hardly_used", "currents use a small part of the ADC's range",
     "Most codes of the converter never occur, so its step is coarse beside what is measured.",
     "A smaller crossbar.adc_margin or crossbar.adc_range_forward (adc_range_backward; 0 measures the range), or more crossbar.adc_bits."},
    {Code::endurance_used, "endurance_used", "a device has got a good part of the pulses it is rated for",
     "Each pulse wears a device; the preset states after how many it may fail. The most used device counts, its initial write included.",
     "Fewer train.epochs, smaller train.rates, crossbar.programming = \"threshold_accumulate\" (fewer pulses than \"sign\"), a larger "
     "crossbar.write_tolerance."},
    {Code::beta_below_floor, "beta_below_floor", "the nudge is smaller than noise and converter steps allow",
     "The phases differ by about train.beta times what the network answers to a nudge. In some layer noise and the rounding of converters "
     "exceed that, even averaged over the samples of a batch; or a settle may end by its tolerance before the nudge arrives.",
     "train.beta = \"auto\", or a beta above the floor that `eqprop doctor` prints. Else more crossbar.adc_bits, a range of its own for "
     "the "
     "backward reads (crossbar.adc_range_backward = 0 measures it), lower crossbar.read_noise, crossbar.loop = \"analog\", a larger "
     "train.batch, a smaller settle.nudged_tolerance."},
    {Code::beta_in_dead_zone, "beta_in_dead_zone", "the nudge does not move the output of the right class",
     "An output clamped to [0, 1] that is driven below 0 does not move before the nudge lifts it over 0: its samples teach nothing. The "
     "threshold is the distance of its field from the bound.",
     "A larger train.beta (\"auto\" goes above the dead zone), network.output = \"linear\" or \"logistic\", a smaller last rate in "
     "train.rates."},
    {Code::beta_too_curved, "beta_too_curved", "the nudge is beyond the linear answer of the network",
     "An estimator takes the difference between phases for a derivative. With a large nudge units meet the bounds of their activation, or "
     "its "
     "bend, and the estimate turns away from the gradient: its cosine with the one at half the nudge falls below .9.",
     "A smaller train.beta (\"auto\" looks for the largest that is straight enough), or train.estimator = \"fourth_order\" or "
     "\"holomorphic\", "
     "which stay straight at larger nudges. Training often bears a cosine of .9 and less: weigh it against noise, which a larger beta "
     "hides."},
};

}  // namespace

std::span<const Explanation> explanations() { return kExplanations; }

}  // namespace eqprop
