/* What all engines share. */
#include "engines/engine.h"

#include <string.h>

#include "base/strutil.h"

static const char *const commands[_ENGINE_COMMAND_MAX] = {
	[ENGINE_INIT] = "init",
	[ENGINE_PLAN] = "plan",
	[ENGINE_PLAN_REFRESH_ONLY] = "plan_refresh_only",
	[ENGINE_APPLY_REFRESH_ONLY] = "apply_refresh_only",
	[ENGINE_APPLY] = "apply",
	[ENGINE_SHOW_PLAN] = "show_plan",
	[ENGINE_SHOW_VARIABLES] = "show_variables",
};

const char *engine_command_to_string(enum engine_command command)
{
	return command >= 0 && command < _ENGINE_COMMAND_MAX ? commands[command] : NULL;
}

enum engine_command engine_command_from_string(const char *string)
{
	for (int i = 0; string && i < _ENGINE_COMMAND_MAX; i++)
		if (streq(commands[i], string))
			return (enum engine_command)i;
	return _ENGINE_COMMAND_INVALID;
}

json_t *engine_counts_to_json(const struct engine_counts *counts)
{
	return json_pack("{s:i s:i s:i s:i s:i s:i s:i}", "create", (int)counts->create, "update",
			 (int)counts->update, "delete", (int)counts->delete, "replace",
			 (int)counts->replace, "unchanged", (int)counts->unchanged, "import",
			 (int)counts->import, "forget", (int)counts->forget);
}

static uint32_t count(const json_t *json, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(json, key));
	return value > 0 && value < UINT32_MAX ? (uint32_t)value : 0;
}

struct engine_counts engine_counts_from_json(const json_t *json)
{
	return (struct engine_counts){
		.create = count(json, "create"),
		.update = count(json, "update"),
		.delete = count(json, "delete"),
		.replace = count(json, "replace"),
		.unchanged = count(json, "unchanged"),
		.import = count(json, "import"),
		.forget = count(json, "forget"),
	};
}

bool engine_counts_any(const struct engine_counts *counts)
{
	return counts->create || counts->update || counts->delete || counts->replace ||
	       counts->import || counts->forget;
}

void engine_line_reset(struct engine_line *line)
{
	strbuf_reset(&line->text);
	json_decref(line->payload);
	line->payload = NULL;
	line->type = _EVENT_TYPE_INVALID;
	line->mark = ENGINE_MARK_NONE;
	line->action[0] = '\0';
	memset(&line->counts, 0, sizeof(line->counts));
}

void engine_line_release(struct engine_line *line)
{
	engine_line_reset(line);
	strbuf_release(&line->text);
}

const struct engine *engine_for(enum provisioner provisioner)
{
	return provisioner == PROVISIONER_TOFU ? &tofu_engine : NULL;
}
