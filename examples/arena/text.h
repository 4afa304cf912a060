// A line of text of bounded size, for log lines and the result. What does not fit is left out
// and `whole()` tells; never allocates.
#pragma once

#include <stdint.h>

template <uint32_t Capacity>
class Text {
  public:
    const char *data() const { return bytes_; }
    uint32_t size() const { return size_; }
    bool whole() const { return whole_; }

    Text &add(char c) {
        if (size_ < Capacity) bytes_[size_++] = c;
        else whole_ = false;
        return *this;
    }

    Text &add(const char *words) {
        while (*words) add(*words++);
        return *this;
    }

    Text &add(const char *bytes, uint32_t size) {
        for (uint32_t i = 0; i < size; i++) add(bytes[i]);
        return *this;
    }

    Text &add(uint32_t number) {
        if (number >= 10) add(number / 10);
        return add(char('0' + number % 10));
    }

    // The bytes as a JSON string, quoted and escaped; control characters become spaces.
    Text &add_json(const char *bytes, uint32_t size) {
        add('"');
        for (uint32_t i = 0; i < size; i++) {
            if (bytes[i] == '"' || bytes[i] == '\\') add('\\');
            add(uint8_t(bytes[i]) < 0x20 ? ' ' : bytes[i]);
        }
        return add('"');
    }

  private:
    char bytes_[Capacity];
    uint32_t size_ = 0;
    bool whole_ = true;
};
