# SPDX-License-Identifier: MIT
"""coir in gdb, in live processes and in core files:

    info coroutines             lists all coroutines
    coroutine ID COMMAND        runs a command, such as bt, on the stack of one
    coroutine apply all COMMAND the same for each

`print` shows channels with what is buffered and who waits, tasks, and mutexes with their holders.

Carried by the library itself in .debug_gdb_scripts, which takes one text: hence one file. gdb loads
it where its auto-load safe-path allows. Needs the debug information of coir.
"""

import gdb
import gdb.printing
from gdb.unwinder import Unwinder, register_unwinder

# As in lib/fiber/stack.hpp and lib/sched/coroutine.hpp.
COLOURS, COLOUR_STEP, PIN_BYTES = 32, 64, 8
OPEN_STATES = range(1, 6)  # open .. interrupted: see wait_state in lib/sched/waiter.hpp
ENDED_STATES = ("coir::detail::join_state::finishing", "coir::detail::join_state::done")


def is_x86():
    return "x86-64" in gdb.selected_inferior().architecture().name()


def guard_bytes():
    return 16384 if is_x86() else 65536


def plain(atomic):
    """The value in a std::atomic."""
    for path in (("_M_i",), ("_M_b", "_M_p"), ("_M_base", "_M_i")):
        value = atomic
        try:
            for field in path:
                value = value[field]
            return value
        except gdb.error:
            pass
    raise gdb.GdbError(f"cannot read {atomic.type}")


def depot():
    symbol = gdb.lookup_static_symbol("coir::detail::(anonymous namespace)::the_depot")
    if symbol is None:
        raise gdb.GdbError("coir's debug information is missing")
    return symbol.value()


class Coroutine:
    def __init__(self, record, bottom, top):
        self.record, self.bottom, self.top = record, bottom, top
        self.id = int(record["id"])
        name = record["name"]
        length = int(name["_M_len"])
        self.name = name["_M_str"].string(length=length) if length else ""
        self.thread = None  # the gdb thread that runs it

    def waits(self):
        return (int(plain(self.record["word"])) & 7) in OPEN_STATES

    def state(self):
        if self.thread is not None:
            return f"running on thread {self.thread.num}"
        if self.waits():
            kind = str(plain(self.record["kind"])).rsplit("::", 1)[-1]
            return f"waits: {kind.replace('_', ' ')}"
        return "runnable"

    def registers(self):
        machine = self.record["flow"]["machine"]
        # One byte on, because gdb takes it for a return address and looks at the byte before: there
        # the switch's own unwind information says that nothing is known.
        after_switch = machine["resume_address"].cast(gdb.lookup_type("unsigned long")) + 1
        return {
            "pc": after_switch,
            "sp": machine["stack_pointer"],
            "fp": machine["frame_pointer"],
            "base": machine["base_pointer"],
        }


def slots():
    """Yields (bottom, top) of every stack that was ever handed out."""
    size = plain(depot()["first_class_"])
    while int(size):
        region = plain(size["newest_region_"])
        while int(region):
            payload = int(region["payload_bytes_"])
            stride = payload + guard_bytes()
            for index in range(int(plain(region["handed_out_"]))):
                end = int(region["begin_"]) + (index + 1) * stride
                yield end - payload, end - index % COLOURS * COLOUR_STEP
            region = region["older"]
        size = size["next"]


def stack_pointers():
    """The stack pointer of each thread of the process."""
    selected, frame = gdb.selected_thread(), gdb.selected_frame()
    found = []
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        found.append((int(gdb.newest_frame().read_register("sp")), thread))
    selected.switch()
    frame.select()
    return found


def coroutines():
    kind = gdb.lookup_type("coir::detail::coroutine")
    memory = gdb.selected_inferior()
    running = stack_pointers()
    found = []
    for bottom, top in slots():
        pins = int.from_bytes(memory.read_memory(top - PIN_BYTES, 4), "little")
        if pins == 0:
            continue
        address = gdb.Value(top - PIN_BYTES - kind.sizeof)
        one = Coroutine(address.cast(kind.pointer()).dereference(), bottom, top)
        if str(plain(one.record["joining"])) in ENDED_STATES:
            continue
        for stack_pointer, thread in running:
            if bottom <= stack_pointer < top:
                one.thread = thread
        found.append(one)
    return sorted(found, key=lambda one: one.id)


class ParkedStack(Unwinder):
    """Makes the selected thread's innermost frame look as if a parked coroutine had called it.

    Registers of core files cannot be written, but what lies below a frame may be told."""

    class FrameId:
        def __init__(self, sp, pc):
            self.sp, self.pc = sp, pc

    def __init__(self):
        super().__init__("coir")
        self.registers = None

    def __call__(self, pending):
        if self.registers is None or pending.level() != 0:
            return None
        stack_pointer = pending.read_register("sp")
        info = pending.create_unwind_info(
            self.FrameId(stack_pointer, pending.read_register("pc"))
        )
        names = ("rip", "rsp", "rbp", "rbx") if is_x86() else ("pc", "sp", "x29", "x19")
        for name, key in zip(names, ("pc", "sp", "fp", "base")):
            kind = pending.read_register(name).type
            info.add_saved_register(name, self.registers[key].cast(kind))
        return info


PARKED = ParkedStack()
register_unwinder(None, PARKED, replace=True)


def run_on(one, command):
    """Runs a command with the stack of a coroutine in place of the selected thread's."""
    selected, frame = gdb.selected_thread(), gdb.selected_frame()
    try:
        if one.thread is not None:
            one.thread.switch()
            gdb.newest_frame().select()
        else:
            PARKED.registers = one.registers()
            gdb.invalidate_cached_frames()
            gdb.newest_frame().older().select()
        text = gdb.execute(command, to_string=True)
    finally:
        PARKED.registers = None
        gdb.invalidate_cached_frames()
        selected.switch()
    # The thread's own innermost frame is no part of the coroutine's stack.
    lines = text.splitlines()
    is_backtrace = command.split()[0] in ("bt", "backtrace", "where")
    if one.thread is None and is_backtrace:
        lines = [line for line in lines if not line.startswith("#0 ")]
    gdb.write("\n".join(lines) + "\n")


class InfoCoroutines(gdb.Command):
    """Lists all coroutines of coir: number, state and name."""

    def __init__(self):
        super().__init__("info coroutines", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for one in coroutines():
            name = f' "{one.name}"' if one.name else ""
            gdb.write(f"{one.id:>6}  {one.state():<24}{name}\n")


class CoroutineCommand(gdb.Command):
    """Runs a command on the stack of a coroutine: coroutine ID bt, coroutine apply all bt."""

    def __init__(self):
        super().__init__("coroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(None, 2)
        if len(words) == 3 and words[:2] == ["apply", "all"]:
            for one in coroutines():
                gdb.write(f"\nCoroutine {one.id} {one.name} ({one.state()}):\n")
                run_on(one, words[2])
            return
        words = argument.split(None, 1)
        if len(words) != 2 or not words[0].isdigit():
            raise gdb.GdbError("coroutine ID COMMAND, or coroutine apply all COMMAND")
        for one in coroutines():
            if one.id == int(words[0]):
                return run_on(one, words[1])
        raise gdb.GdbError(f"there is no coroutine {words[0]}")


def waiters(first):
    """The parties in a queue of wait_nodes, in their order."""
    found = []
    link = gdb.lookup_type("coir::detail::list_links<coir::detail::wait_node>")
    while int(first):
        found.append(int(first["party"]))
        first = first.cast(link.pointer())["next"]
    return found


def names_of(parties):
    by_address = {int(one.record.address): one for one in coroutines()}
    known = (by_address.get(address) for address in parties)
    return ", ".join(f"coroutine {one.id}" if one else "a thread" for one in known)


class ChannelPrinter:
    """A handle: the channel's capacity, what is buffered, who waits."""

    def __init__(self, handle):
        ends = {field.name for field in handle.type.fields()}
        end = "sending_end_" if "sending_end_" in ends else "receiving_end_"
        self.core = handle[end]["core_"]
        self.element = handle.type.strip_typedefs().template_argument(0)

    def to_string(self):
        if int(self.core) == 0:
            return "nil channel"
        core = self.core.dereference()
        capacity = int(core["capacity_"])
        room = "unbounded" if capacity == 2**64 - 1 else f"capacity {capacity}"
        words = [f"{'rendezvous' if capacity == 0 else room} channel {hex(int(self.core))}"]
        if capacity:
            words.append(f"holds {int(core['buffer_']['size_'])}")
        if plain(core["closed_"]):
            words.append("closed")
        for side, verb in (("receivers_", "receive"), ("senders_", "send")):
            waiting = waiters(core[side]["nodes_"]["first_"])
            if waiting:
                words.append(f"{names_of(waiting)} waiting to {verb}")
        return ", ".join(words)

    def display_hint(self):
        return "array"

    def children(self):
        if int(self.core) == 0:
            return
        queue = self.core.dereference()["buffer_"]
        block, place, end = queue["head_"], int(queue["head_at_"]), int(queue["head_end_"])
        offset, stride = int(queue["elements_offset_"]), int(queue["stride_"])
        for number in range(int(queue["size_"])):
            if place == end:
                block = block["next"]
                place = int(block) + offset
                end = place + int(queue["slots_"]) * stride
            yield str(number), gdb.Value(place).cast(self.element.pointer()).dereference()
            place += stride


class TaskPrinter:
    def __init__(self, task):
        self.task = task

    def to_string(self):
        identity, record = int(self.task["id_"]), plain(self.task["co_"])
        if int(record) == 0:
            return f"joined task {identity}" if identity else "nil task"
        ended = str(plain(record.dereference()["joining"])) in ENDED_STATES
        return f"task of coroutine {identity}" + (", which has ended" if ended else "")


class MutexPrinter:
    LOCKED = 1 << 2  # as in sync/mutex.hpp

    def __init__(self, mutex):
        self.state = mutex["state_"]

    def holder(self):
        at = ~int(plain(self.state["locked_at"])) & 2**64 - 1
        of = [one for one in coroutines() if one.bottom <= at < one.top]
        return f"coroutine {of[0].id}" if of else "somebody"

    def to_string(self):
        if int(plain(self.state["word"])) & self.LOCKED == 0:
            return "unlocked"
        waiting = names_of(waiters(self.state["first"]))
        return f"locked by {self.holder()}" + (f", {waiting} waiting" if waiting else "")


def make_printers():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("coir")
    printers.add_printer("channel", r"^coir::(chan|sender|receiver)<", ChannelPrinter)
    printers.add_printer("task", r"^coir::task<", TaskPrinter)
    printers.add_printer("mutex", r"^coir::(timed_)?mutex$", MutexPrinter)
    return printers


InfoCoroutines()
CoroutineCommand()
gdb.printing.register_pretty_printer(None, make_printers(), replace=True)
