/* The vocabularies of model/enums.h behind one shape, for tables of columns. */
#pragma once

struct words {
	const char *(*to_string)(int value);
	int (*from_string)(const char *word); /* -1 for a word that it does not know */
};

extern const struct words status_words;
extern const struct words result_words;
extern const struct words job_operation_words;
extern const struct words operation_words;
extern const struct words event_type_words;
extern const struct words resource_type_words;
