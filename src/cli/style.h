/* Colours, which only ever repeat what the text says. */
#pragma once

#include <stdbool.h>

#include "base/strbuf.h"

enum style {
	STYLE_NONE,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_RED,
	STYLE_GREEN,
	STYLE_YELLOW,
	STYLE_CYAN,
	STYLE_BOLD_RED
};

const char *style_on(bool colour, enum style style);
const char *style_off(bool colour, enum style style);
void style_add(struct strbuf *out, bool colour, enum style style, const char *text);
/* Of a status or result word. */
enum style style_of_status(const char *word);
