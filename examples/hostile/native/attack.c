// attack.c - every way out of a cell that we know, by name, one a match.
//
// A player names the attack in a message of two lines: the line `Seccomp:` of the cell's own
// /proc/PID/status as whoever asks has just read it, and the attack's name. The program refuses
// unless the line says that the filter stands (mode 2), and it compiles for the native tier alone,
// so that nobody runs it by mistake where it could do harm. No attack aims at another process.
// What happens before any player can speak is chosen by the match's config, and does no harm
// anywhere.
//
// Must get: the end that README.md lists for each. The host and its other matches do not notice.
#include <lattice_managed.h>

#if !defined(LATTICE_CELL) || !defined(__x86_64__)
#error "attack.c runs in a cell and nowhere else: README.md has the command"
#endif

#include "calls.h"
#include "limits.h"
#include "processor.h"
#include "ring.h"

// Says that a call came back: in a cell, none does.
static void came_back(const char *name, int64_t result) {
    lattice_logf(LATTICE_ERROR, "%s came back with %lld", name, (long long)result);
}

static void int80(void) { came_back("int80", interrupt_80()); }
static void sysenter(void) { came_back("sysenter", enter_by_sysenter()); }
static void vsyscall(void) { came_back("vsyscall", call_vsyscall()); }

typedef struct {
    const char *name;
    void (*run)(void);
} deed;

static const deed deeds[] = {
    {"int80", int80},
    {"sysenter", sysenter},
    {"vsyscall", vsyscall},
    {"exit_group", end_the_process},

    {"loop", loop_forever},
    {"recursion", overflow_the_stack},
    {"large_frame", reach_below_the_stack},
    {"wild_write", write_wildly},
    {"code_write", write_to_code},
    {"constant_write", write_to_constants},
    {"kernel_read", read_the_kernel},
    {"no_address", read_no_address},
    {"null_read", read_null},
    {"divide", divide_by_zero},
    {"divide_range", divide_out_of_range},
    {"data_run", run_data},
    {"stack_run", run_the_stack},
    {"arena_run", run_the_arena},
    {"ud2", illegal_instruction},
    {"int3", breakpoint},
    {"hlt", halt},
    {"cli", forbid_interrupts},
    {"out", write_a_port},
    {"rdtsc", read_the_clock},
    {"rdtscp", read_the_clock_and_processor},
    {"rdpmc", read_a_counter},
    {"wrmsr", write_a_model_register},
    {"cr3", change_the_page_table},
    {"int81", call_a_hypervisor},
    {"mode_32", change_to_32_bits},
    {"stack_lost", lose_the_stack},
    {"return_nowhere", return_nowhere},
    {"gate_middle", jump_into_the_gate},
    {"gate_rest", jump_behind_the_gate},
    {"trap_flag", step_by_step},
    {"alignment_flag", fault_on_unaligned},
    {"sse_exception", fault_on_fractions},
    {"direction_flag", turn_strings_around},
    {"x87_due", leave_exceptions_due},
    {"thread_lost", lose_the_thread},

    {"eat", eat_memory},
    {"sends", send_forever},
    {"logs", log_forever},
    {"peeks", peek_forever},
    {"asks", ask_forever},
    {"fetches", fetch_forever},
    {"nonsense", hand_over_nonsense},

    {"no_turn", hand_over_no_turn},
    {"anew", begin_anew},
    {"empty_flush", flush_nothing},
    {"events_again", want_events_again},
    {"no_function", ask_for_no_function},
    {"outlet_overstated", overstate_the_outlet},
    {"turn_kept", keep_the_next_turn},
    {"between_ticks", compute_between_ticks},
    {"wait", wait_for_nothing},
    {"fault_made_up", make_up_a_fault},
    {"signal_made_up", make_up_a_signal},
    {"ring_scribbled", scribble_over_the_ring},
    {"cell_stack_lost", lose_the_cells_stack},
    {"cell_scribbled", scribble_over_the_cell},
    {"cell_jump", jump_into_the_cell},
};

// ---- Before any player can speak ----------------------------------------------------------------

static int32_t constructed[4];

// No message leaves before init, and no event has come.
__attribute__((constructor)) static void call_the_host_early(void) {
    constructed[0] = lattice_ms_broadcast("early", 5, 0);
    constructed[1] = lattice_ms_event_peek();
    constructed[2] = lattice_ms_kick(1, 0);
    constructed[3] = lattice_ms_result("early", 5);
}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    static char config[64];
    int32_t len = lattice_ms_config(config, sizeof config - 1);
    const int32_t *it = constructed;
    lattice_logf(LATTICE_INFO, "constructed %d %d %d %d", (int)it[0], (int)it[1], (int)it[2], (int)it[3]);
    if (len > 0) lattice_logf(LATTICE_INFO, "now %s", config);
    if (strcmp(config, "init_loop") == 0) loop_forever();
    if (strcmp(config, "init_divide") == 0) divide_by_zero();
    return LATTICE_OK;
}

// ---- The match --------------------------------------------------------------------------------

// The filter's mode as the kernel tells it, in the order's first line.
static const char permission[] = "Seccomp:\t2\n";

// What follows `start` in the text, or NULL if it does not begin so.
static const char *after(const char *text, const char *start) {
    while (*start && *text == *start) ++text, ++start;
    return *start ? NULL : text;
}

static bool call_the_system(const char *name) {
    for (size_t i = 0; i < sizeof forbidden_calls / sizeof *forbidden_calls; ++i) {
        const forbidden_call *call = &forbidden_calls[i];
        if (strcmp(call->name, name) != 0) continue;
        lattice_logf(LATTICE_INFO, "now %s", name);
        came_back(name, system_call(call->number, call->arguments));
        return true;
    }
    return false;
}

static bool do_the_deed(const char *name) {
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; ++i) {
        if (strcmp(deeds[i].name, name) != 0) continue;
        lattice_logf(LATTICE_INFO, "now %s", name);
        deeds[i].run();
        lattice_log(LATTICE_INFO, "and on");
        return true;
    }
    return false;
}

static void carry_out(const char *order) {
    const char *name = after(order, permission);
    if (name == NULL)
        lattice_log(LATTICE_ERROR, "refused: no word that the filter stands");
    else if (!do_the_deed(name) && !call_the_system(name))
        lattice_logf(LATTICE_ERROR, "refused: there is no attack %s", name);
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    (void)tick;
    static char order[256];
    const lattice_event *event;
    while ((event = lattice_next_event()) != NULL) {
        if (event->type != LATTICE_EVENT_MESSAGE || event->payload_len >= sizeof order) continue;
        memcpy(order, lattice_event_payload(event), event->payload_len);
        order[event->payload_len] = 0;
        carry_out(order);
    }
    return LATTICE_CONTINUE;
}
