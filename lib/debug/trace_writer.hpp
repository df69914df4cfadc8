// SPDX-License-Identifier: MIT
#pragma once
// Owns the call that turns what a runtime has recorded into events.

namespace coir::detail {

class runtime_core;
class trace_document;

/// Of the `nth` runtime of the document, from 0, whose workers have come to rest and have buffers.
void write_trace_events(trace_document& out, int nth, runtime_core& runtime);

} // namespace coir::detail
