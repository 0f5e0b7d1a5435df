#include "crossbar/aging.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/check.h"
#include "base/random.h"

namespace eqprop {
namespace {

using Eigen::Index;

double value(const LogLine& line, double ratio) {
  return std::clamp(line.at_max + line.slope * std::log(std::max(ratio, 1e-12)), line.low, line.high);
}

// logarithm of 1 + x and exponential of y; over a tick both are small, and a few terms give them to 1e-8
struct Elementary {
  bool brief;
  double log1p(double x) const { return brief ? x * (1 - x * (1.0 / 2 - x * (1.0 / 3 - x * (1.0 / 4 - x / 5)))) : std::log1p(x); }
  double exp(double y) const { return brief ? 1 + y * (1 + y * (1.0 / 2 + y * (1.0 / 6 + y * (1.0 / 24 + y / 120)))) : std::exp(y); }
};

template <class Matrix>
auto flat(Matrix& m) {
  return std::span(m.data(), static_cast<std::size_t>(m.size()));
}

}  // namespace

Aging::Aging(const DevicePreset& device, std::uint32_t seed, const Tile& tile)
    : drift_(device.drift), G_max_(static_cast<float>(device.G_max)) {
  const auto draw = [&](Plane& plane, const DevicePlane& devices, std::uint32_t key_tile) {
    plane.xi.resize(devices.g.rows(), tile.lines());
    RandomKey(seed, Purpose::device_spread, key_tile)
        .fill_normal({.step = 0, .sample = 4}, 0, plane.xi.data(), static_cast<std::size_t>(plane.xi.size()));
    start(plane, devices);
  };
  draw(plus_, tile.plus, 2 * tile.id);
  draw(minus_, tile.minus, 2 * tile.id + 1);
}

double Aging::tick(const Drift& drift) {
  double shortest = drift.second;
  if (drift.retention_second > 0) shortest = shortest > 0 ? std::min(shortest, drift.retention_second) : drift.retention_second;
  return shortest / 20;
}

float Aging::exponent(float g, float xi) const {
  const double ratio = double{g} / G_max_;
  return static_cast<float>(std::max(0.0, value(drift_.exponent, ratio) + value(drift_.spread, ratio) * xi));
}

void Aging::start(Plane& plane, const DevicePlane& devices) const {
  plane.exponent = devices.g.binaryExpr(plane.xi, [&](float g, float xi) { return exponent(g, xi); });
  plane.written.setZero(devices.g.rows(), devices.g.cols());
  plane.pulses = devices.pulses;
}

void Aging::pass(Plane& plane, DevicePlane& devices, Index line, double from, double to) const {
  const double kept = drift_.retention_second > 0 ? std::exp(-(to - from) / drift_.retention_second) : 1;
  const Elementary f{to - from <= 0.06 * drift_.second};
  const double young = drift_.second > 0 ? std::log1p((to - from) / 2 / drift_.second) : 0;  // of a device pulsed in the middle
  for (Index j = 0; j < devices.g.rows(); ++j) {
    if (devices.up(j, line) == 0) continue;  // stuck
    const bool pulsed = devices.pulses(j, line) != plane.pulses(j, line);
    const double pulse = pulsed ? (from + to) / 2 : to;  // when: nobody noted it
    double drifted = 1;
    if (drift_.second > 0) {
      const double age = std::max(0.0, from - double{plane.written(j, line)});
      drifted = -double{plane.exponent(j, line)} * f.log1p((pulse - from) / (age + drift_.second));
      if (pulsed) {
        plane.exponent(j, line) = exponent(devices.moved()(j, line), plane.xi(j, line));
        drifted -= double{plane.exponent(j, line)} * young;
      }
      drifted = f.exp(drifted);
    }
    if (pulsed) {
      plane.pulses(j, line) = devices.pulses(j, line);
      plane.written(j, line) = static_cast<float>(pulse);
    }
    const float low = devices.low(j, line);
    const auto older = [&](float& g) {
      if (g > low) g = std::max(low, static_cast<float>(low + (g * drifted - low) * kept));
    };
    older(devices.g(j, line));
    if (devices.hidden.size()) older(devices.hidden(j, line));
  }
}

void Aging::pass(Tile& tile, Index block, double from, double to) {
  const Index end = std::min((block + 1) * kLineBlock, tile.lines());
  for (Index line = block * kLineBlock; line < end; ++line) {
    pass(plus_, tile.plus, line, from, to);
    pass(minus_, tile.minus, line, from, to);
    tile.refresh_line(line);
  }
  tile.refresh_block(block);
}

void Aging::save(ByteWriter& out) const {
  for (const Plane* plane : {&plus_, &minus_}) {
    out.put_array(flat(plane->exponent));
    out.put_array(flat(plane->written));
    out.put_array(flat(plane->pulses));
  }
}

void Aging::restore(ByteReader& in) {
  for (Plane* plane : {&plus_, &minus_}) {
    in.get_array(flat(plane->exponent));
    in.get_array(flat(plane->written));
    in.get_array(flat(plane->pulses));
    if (!((plane->exponent.array() >= 0).all() && plane->exponent.allFinite() && plane->written.allFinite()))
      throw InputError(Code::damaged, {}, "a stored drift exponent or time of writing is out of range",
                       "the file is damaged: start from another checkpoint");
  }
}

}  // namespace eqprop
