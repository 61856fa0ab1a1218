// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The one symbol that an instruction set exports: a constant, so that loading the library runs none
// of its code.
#include "entries.hpp"

namespace isokern {
namespace ISOKERN_ISA {

extern const KernelTable table;
const KernelTable table = {
    {plane<float>, plane_vjp<float>, reflect<float>, reflect_vjp<float>},
    {plane<double>, plane_vjp<double>, reflect<double>, reflect_vjp<double>},
    rope_levels,
    rope_table<float>,
    rope_table<double>,
    {rope<float>, rope_angles<float>},
    {rope<double>, rope_angles<double>},
    {rope<float16>, rope_angles<float16>},
    {rope<bfloat16>, rope_angles<bfloat16>},
    narrow<float16>,
    narrow<bfloat16>,
    widen<float16>,
    widen<bfloat16>,
    random_blocks,
};

}  // namespace ISOKERN_ISA
}  // namespace isokern
