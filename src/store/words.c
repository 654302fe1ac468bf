/* Wrappers instead of casts: calling through a pointer of another type is undefined. */
#include "store/words.h"

#include "model/enums.h"

#define WORDS(name)                                        \
	static const char *name##_word(int value)          \
	{                                                  \
		return name##_to_string((enum name)value); \
	}                                                  \
	static int name##_value(const char *word)          \
	{                                                  \
		return (int)name##_from_string(word);      \
	}                                                  \
	const struct words name##_words = {                \
		.to_string = name##_word,                  \
		.from_string = name##_value,               \
	}

WORDS(status);
WORDS(result);
WORDS(job_operation);
WORDS(operation);
WORDS(event_type);
WORDS(resource_type);
