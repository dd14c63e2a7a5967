// SPDX-License-Identifier: MIT
#include "profile.hpp"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/cuda.h>

#include <set>
#include <string>

namespace bench {

Profile profile(const std::function<void()>& work) {
  using torch::profiler::impl::ActivityType;
  namespace profiler = torch::autograd::profiler;
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
  const std::set<ActivityType> activities{ActivityType::CPU, ActivityType::CUDA};
  const std::string mark = "bench::profile";
  torch::cuda::synchronize();
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  {
    RECORD_FUNCTION(mark, std::vector<c10::IValue>{});
    work();
  }
  torch::cuda::synchronize();
  const auto result = profiler::disableProfiler();

  std::uint64_t begin = 0, end = 0;  // of the work: the profiler itself waits afterwards
  for (const auto& event : result->events()) {
    if (event.name() != mark) continue;
    begin = event.startNs();
    end = begin + event.durationNs();
  }
  Profile counts;
  for (const auto& event : result->events()) {
    const auto name = event.name();
    if (event.deviceType() == c10::DeviceType::CUDA) {
      const bool transfer = name.starts_with("Memcpy") || name.starts_with("Memset");
      if (!transfer) ++counts.kernels;
      counts.seconds += 1e-9 * static_cast<double>(event.durationNs());
    } else if (name.starts_with("cuda") && name.find("Synchronize") != std::string::npos) {
      counts.waits += begin <= event.startNs() && event.startNs() <= end ? 1 : 0;
    }
  }
  return counts;
}

}  // namespace bench
