/* Colours. */
#include "cli/style.h"

#include "base/strutil.h"

const char *style_on(bool colour, enum style style)
{
	static const char *const codes[] = {
		[STYLE_NONE] = "",	    [STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",    [STYLE_RED] = "\033[31m",
		[STYLE_GREEN] = "\033[32m", [STYLE_YELLOW] = "\033[33m",
		[STYLE_CYAN] = "\033[36m",  [STYLE_BOLD_RED] = "\033[1;31m",
	};
	return colour ? codes[style] : "";
}

const char *style_off(bool colour, enum style style)
{
	return colour && style != STYLE_NONE ? "\033[0m" : "";
}

void style_add(struct strbuf *out, bool colour, enum style style, const char *text)
{
	strbuf_addf(out, "%s%s%s", style_on(colour, style), text, style_off(colour, style));
}

enum style style_of_status(const char *word)
{
	static const struct {
		const char *word;
		enum style style;
	} styles[] = {
		{"succeeded", STYLE_GREEN},  {"failed", STYLE_RED},
		{"cancelled", STYLE_YELLOW}, {"awaiting_approval", STYLE_YELLOW},
		{"running", STYLE_CYAN},     {"queued", STYLE_CYAN},
		{"skipped", STYLE_DIM},	     {"lost", STYLE_RED},
		{"online", STYLE_GREEN},     {"destroyed", STYLE_DIM},
	};
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
		if (streq(styles[i].word, word))
			return styles[i].style;
	return STYLE_NONE;
}
