// The leaderboard behind lattice_ms_http_request: posts finished scores, fetches the top ten back,
// and says what to do with every code that a request can end with. Owns what waits, the one request
// that is under way, and when the next one may go. Never holds the game up: all that it ever does
// about the service is to ask again later, or to give up and say so in the log.
#pragma once

#include "standings.h"

constexpr uint32_t kMaxWaiting = 64;
constexpr uint32_t kAskAgainSeconds = 5; // after a refusal by the allow-list, which may change
constexpr uint32_t kMaxPauseSeconds = 60;

// A score, and who earned it in which of their runs: together they are its key.
struct Finished {
    Score score;
    uint32_t player, run;
};

class Board {
  public:
    // `url` must outlive the board; an empty one: there is no service, and nothing is ever asked.
    void begin(const char *url, lattice_rng rng, int32_t tick_hz) {
        url_ = url, rng_ = rng, tick_hz_ = tick_hz;
        shown_ = int(strcspn(url, "?")); // a query may hold a secret, and a log line keeps none
        // Not the seed itself: whoever has that knows the numbers of this match.
        match_key_ = lattice_rng_next(&rng_);
        wants_top_ = true;
    }

    const Standings &standings() const { return standings_; }
    uint32_t posted() const { return posted_; }
    uint32_t waiting() const { return waiting_; }
    const Score &waiting(uint32_t i) const { return runs_[(first_ + i) % kMaxWaiting].score; }

    // Whether a request may still be worth waiting for when the match is to end.
    bool is_busy() const {
        return request_ != 0 || (waiting_ > 0 && failures_ == 0 && !denied_ && !closed_);
    }

    void submit(const Finished &run) {
        if (!url_[0] || closed_) return;
        if (denied_) not_before_ = 0; // a refusal costs nothing, and the list may have changed
        if (waiting_ == kMaxWaiting)
            lattice_logf(LATTICE_WARN, "scores: %u wait already: %s's is not posted", waiting_, run.score.name);
        else runs_[(first_ + waiting_++) % kMaxWaiting] = run;
    }

    // Asks for what is due: one request at a time, so that no order is ever lost.
    void advance(int64_t tick) {
        if (!url_[0] || closed_ || request_ != 0 || tick < not_before_) return;
        if (waiting_ > 0) asked(post(runs_[first_]), tick);
        else if (wants_top_) asked(ask_top(), tick);
    }

    // Takes a response. True if it brought new standings.
    bool answered(const lattice_event &event, int64_t tick) {
        if (event.id != request_) return false;
        request_ = 0;
        if (event.status < 0) failed(event.status, tick);
        else if (event.status >= 200 && event.status < 300) return succeeded(event, tick);
        else if (event.status == 408 || event.status == 429 || event.status >= 500) busy(event, tick);
        else rejected(event.status);
        return false;
    }

  private:
    int32_t post(const Finished &run) {
        char headers[128], body[kScoreJson];
        // The same score again, after a time-out, must not count twice: it has a key.
        uint32_t headers_size = uint32_t(snprintf(
            headers, sizeof headers, "content-type: application/json\nidempotency-key: %016llx-%u-%u\n",
            (unsigned long long)match_key_, run.player, run.run));
        uint32_t body_size = describe_score(run.score, body);
        is_post_ = true;
        return lattice_ms_http_request(LATTICE_POST, url_, strlen(url_), headers, headers_size, body,
                                       body_size);
    }

    int32_t ask_top() {
        static const char headers[] = "accept: application/json\n";
        is_post_ = false;
        return lattice_ms_http_request(LATTICE_GET, url_, strlen(url_), headers, sizeof headers - 1, "", 0);
    }

    // What the call returned: a number above 0 is the request's, anything else a refusal.
    void asked(int32_t answer, int64_t tick) {
        if (answer > 0) request_ = uint32_t(answer);
        else failed(answer, tick);
    }

    // A code, at once from the call or later from the event: they mean the same.
    void failed(int32_t code, int64_t tick) {
        switch (code) {
        case LATTICE_HTTP_NOT_ALLOWED: // the operator's decision, which may change: said once
            if (!denied_)
                lattice_logf(LATTICE_WARN, "scores: LATTICE_HTTP_NOT_ALLOWED for %.*s; playing on", shown_,
                             url_);
            denied_ = true;
            return pause(kAskAgainSeconds, tick);
        case LATTICE_HTTP_TOO_MANY: // requests of this match are under way; their answers make room
            return pause(1, tick);
        case LATTICE_HTTP_RATE_LIMITED: return back_off("LATTICE_HTTP_RATE_LIMITED", 0, tick);
        case LATTICE_HTTP_TIMEOUT: return back_off("LATTICE_HTTP_TIMEOUT", 0, tick);
        case LATTICE_HTTP_FAILED: return back_off("LATTICE_HTTP_FAILED", 0, tick);
        default: // LATTICE_HTTP_BAD_REQUEST and its like: the URL or this code is wrong, and stays so
            lattice_logf(LATTICE_ERROR, "scores: a request to %.*s is answered %d: giving up", shown_, url_,
                         code);
            closed_ = true;
        }
    }

    bool succeeded(const lattice_event &event, int64_t tick) {
        if (denied_) lattice_logf(LATTICE_INFO, "scores: %.*s is allowed now", shown_, url_);
        denied_ = false;
        failures_ = 0;
        not_before_ = tick + 1;
        if (is_post_) {
            posted_++;
            wants_top_ = true;
            drop_first();
            return false;
        }
        wants_top_ = false;
        uint32_t size;
        const uint8_t *body = lattice_event_http_body(&event, &size);
        if (parse_standings(body, size, standings_)) return true;
        lattice_logf(LATTICE_WARN, "scores: the service's answer of %u bytes is no top ten", size);
        return false;
    }

    // The service asks for patience; it may say for how long.
    void busy(const lattice_event &event, int64_t tick) {
        char status[16];
        snprintf(status, sizeof status, "status %d", event.status);
        back_off(status, retry_after(event), tick);
    }

    // The service will never take this one.
    void rejected(int32_t status) {
        lattice_logf(LATTICE_ERROR, "scores: the service answered %d, so this is not asked again", status);
        failures_ = 0;
        if (is_post_) drop_first();
        else wants_top_ = false;
    }

    void drop_first() {
        first_ = (first_ + 1) % kMaxWaiting;
        waiting_--;
    }

    // 1, 2, 4... seconds, and up to a quarter more, so that many matches do not return as one.
    void back_off(const char *why, uint32_t at_least, int64_t tick) {
        uint32_t seconds = failures_ < 6 ? 1u << failures_ : kMaxPauseSeconds;
        if (seconds < at_least) seconds = at_least;
        failures_++;
        lattice_logf(LATTICE_WARN, "scores: %s; again in %u s", why, seconds);
        pause(seconds, tick);
        not_before_ += lattice_rng_below(&rng_, seconds * uint32_t(tick_hz_) / 4);
    }

    void pause(uint32_t seconds, int64_t tick) { not_before_ = tick + int64_t(seconds) * tick_hz_; }

    // The seconds of a `retry-after: 7` header, at most kMaxPauseSeconds; 0 without one.
    static uint32_t retry_after(const lattice_event &event) {
        static const char name[] = "\nretry-after: ";
        uint32_t size, seconds = 0, matched = 1; // the first line begins like every other
        const char *headers = lattice_event_http_headers(&event, &size);
        uint32_t i = 0;
        for (; i < size && name[matched]; i++)
            matched = headers[i] == name[matched] ? matched + 1 : headers[i] == '\n';
        for (; i < size && headers[i] >= '0' && headers[i] <= '9' && seconds < kMaxPauseSeconds; i++)
            seconds = seconds * 10 + uint32_t(headers[i] - '0');
        return seconds < kMaxPauseSeconds ? seconds : kMaxPauseSeconds;
    }

    const char *url_ = "";
    int shown_ = 0; // bytes of the URL that are logged
    lattice_rng rng_;
    int32_t tick_hz_ = 1;
    uint64_t match_key_ = 0;

    Finished runs_[kMaxWaiting]; // a ring, oldest first
    uint32_t first_ = 0, waiting_ = 0;
    uint32_t posted_ = 0;
    Standings standings_;
    bool wants_top_ = false;

    uint32_t request_ = 0; // under way; 0: none
    bool is_post_ = false; // the newest request: a score; else the top ten
    int64_t not_before_ = 0; // the tick
    uint32_t failures_ = 0;  // in a row
    bool denied_ = false;    // by the allow-list, when it was last asked
    bool closed_ = false;    // asking again cannot help
};
