/*
 * What any IaC engine can do for the runner: name its commands, say in which
 * environment they run, and turn what they print into events. Nothing here
 * starts a process or touches the network. An implementation is a folder with
 * one `const struct engine`; all of its functions are thread-safe.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "model/enums.h"

/* Their strings are the `command` of attempts (docs/protocol.md). */
enum engine_command {
	ENGINE_INIT,
	ENGINE_PLAN,
	ENGINE_PLAN_REFRESH_ONLY,
	ENGINE_APPLY_REFRESH_ONLY,
	ENGINE_APPLY,
	/* Never attempts of their own: they print JSON that is for the runner. */
	ENGINE_SHOW_PLAN,
	ENGINE_SHOW_VARIABLES,
	_ENGINE_COMMAND_MAX,
	_ENGINE_COMMAND_INVALID = -1,
};

const char *engine_command_to_string(enum engine_command command);
enum engine_command engine_command_from_string(const char *string);

struct engine_options {
	bool destroy;	   /* plan the end of everything */
	bool skip_refresh; /* trust the recorded state */
	char *const *targets, *const *replaces;
};

/* Everything borrowed; NULL where there is none. */
struct engine_environment {
	const char *home, *tmp;	   /* private folders */
	const char *cli_config;	   /* the engine's own configuration file */
	const char *state_address; /* URL of the built-in backend */
	const char *state_username, *state_password;
	uint64_t memory_limit;	   /* bytes; a garbage collector may wait until then */
	const json_t *credentials; /* {NAME: value}, added last but for reserved names */
	char *const *marks;	   /* "NAME=value": how its processes are found again */
	char *const *passed_on;	   /* "NAME=value" of the runner: proxies, certificates */
	/* [{source, protocol, socket}]: providers that run already. */
	const json_t *providers;
	/* Of a provider instead of an engine: where it is to make its socket. */
	const char *provider_folder;
};

struct engine_counts {
	uint32_t create, update, delete, replace, unchanged, import, forget;
};

json_t *engine_counts_to_json(const struct engine_counts *counts);
struct engine_counts engine_counts_from_json(const json_t *json);
bool engine_counts_any(const struct engine_counts *counts);

/* What a line says about where the command is. */
enum engine_mark {
	ENGINE_MARK_NONE,
	ENGINE_MARK_REFRESH_STARTED,  /* of one resource */
	ENGINE_MARK_REFRESH_COMPLETE, /* of one resource */
	ENGINE_MARK_DRIFT,	      /* a resource differs from what is recorded */
	ENGINE_MARK_PLANNED,	      /* planning shows results: reading is over */
	ENGINE_MARK_PLAN_SUMMARY,
	ENGINE_MARK_APPLIED,	   /* one resource */
	ENGINE_MARK_APPLY_SUMMARY, /* counts: replacements are in both create and delete */
	ENGINE_MARK_ERROR,	   /* an error diagnostic */
};

struct engine_line {
	struct strbuf text; /* for people; may hold several lines; raw bytes when not understood */
	enum event_type type; /* of payload; _EVENT_TYPE_INVALID: none */
	json_t *payload;      /* as in docs/protocol.md */
	enum engine_mark mark;
	/* Of planned, applied and drift: "create" ...; "outputs" when a plan changes some. */
	char action[16];
	struct engine_counts counts; /* of summaries */
};

#define ENGINE_LINE_INIT                                         \
	{                                                        \
		.text = STRBUF_INIT, .type = _EVENT_TYPE_INVALID \
	}
/* Empties it for the next line. */
void engine_line_reset(struct engine_line *line);
void engine_line_release(struct engine_line *line);
#define _cleanup_engine_line_ _cleanup_(engine_line_release)

/* Called for each resource of a plan; the callee owns nothing. */
typedef int engine_diff_callback(json_t *payload, void *userdata);

struct engine {
	enum provisioner provisioner;
	const char *binary;    /* to look up on PATH */
	const char *plan_file; /* in the working folder */
	const char *lock_file; /* records the chosen providers */
	const char *data_dir;  /* what init makes */
	const char *inputs_file;
	const char *backend_file, *backend_content;
	const char *errored_state; /* there when the last save failed */

	/* The arguments that make the binary print its version, and the reading of what it prints.
	 */
	const char *const *version_arguments;
	/* Refuses versions that must not be used. Caller frees *ret. */
	int (*read_version)(const char *output, size_t size, char **ret, struct error **err);

	/* argv[0] is binary. The caller frees. */
	char **(*command_line)(const char *binary, enum engine_command command,
			       const struct engine_options *options);
	/* A whole, clean environment. */
	char **(*environment)(const struct engine_environment *environment);

	/* One line without its newline. text is filled also when nothing else is. */
	void (*parse_line)(const char *data, size_t size, struct engine_line *ret);

	/* Whether init reads the inputs, too (nested modules may have computed sources). */
	bool (*init_needs_inputs)(const char *module_dir);
	/*
	 * The inputs file's content for a manifest. variables is what ENGINE_SHOW_VARIABLES
	 * printed. ERROR_UNPROCESSABLE names what is missing. ret_secrets (an array) gets the
	 * strings that the module itself declares sensitive. Caller decrefs both.
	 */
	int (*make_inputs)(const json_t *variables, const json_t *manifest, const json_t *schema,
			   json_t **ret_inputs, json_t **ret_secrets, struct error **err);

	/*
	 * Appends every value that the plan marks sensitive, old and new, to the array. A provider
	 * may keep the same value in an attribute that it does not mark.
	 */
	int (*plan_secrets)(const char *json, size_t size, json_t *ret_secrets, struct error **err);
	/* Calls back with a `diff` payload, redacted, for each change of a plan shown as JSON. */
	int (*read_plan)(const char *json, size_t size, engine_diff_callback *callback,
			 void *userdata, struct error **err);
	/*
	 * [{source, path}] of the providers that init chose, all of them or NULL. They may be
	 * started before the engine is, and be handed to it by its environment.
	 */
	json_t *(*find_providers)(const char *module_dir);
	/* [{source, version}] of a lock file. */
	json_t *(*read_providers)(const char *lock_content);
	/* Whether these errors of an apply mean that the state moved since the plan was made. */
	bool (*is_stale_plan)(const char *summary);
	/* Whether such an error means that a provider ended, so that nobody knows what it did. */
	bool (*is_lost_provider)(const char *summary);
};

extern const struct engine tofu_engine;

/* NULL when there is no such engine in this build. */
const struct engine *engine_for(enum provisioner provisioner);
