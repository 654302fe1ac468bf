/* The five booleans of flow control. */
#include "base/alloc.h"
#include "model/json.h"
#include "model/manifest.h"
#include "model/manifest_internal.h"

const struct flow_control flow_control_default = {
	.preview_before_update_or_destroy = true,
};

static const char *const keys[] = {
	"isManual",
	"disableOnLifecycleEvents",
	"skipRefresh",
	"previewBeforeUpdateOrDestroy",
	"pauseBetweenPreviewAndUpdateOrDestroy",
	NULL,
};

void flow_control_parse(const json_t *object, const char *pointer, struct flow_control *ret,
			struct issues *issues)
{
	_cleanup_json_ json_t *normal = normalise_keys(object, pointer, keys, issues);
	struct flow_control flow = flow_control_default;
	bool *const fields[] = {
		&flow.is_manual,
		&flow.disable_on_lifecycle_events,
		&flow.skip_refresh,
		&flow.preview_before_update_or_destroy,
		&flow.pause_between_preview_and_update_or_destroy,
	};

	for (size_t i = 0; keys[i]; i++) {
		const json_t *value = json_object_get(normal, keys[i]);
		_cleanup_free_ char *place = json_pointer_append(pointer, keys[i]);
		if (value && !json_is_boolean(value))
			issues_add(issues, place, "must be true or false");
		else if (value)
			*fields[i] = json_is_true(value);
	}
	if (flow.pause_between_preview_and_update_or_destroy &&
	    !flow.preview_before_update_or_destroy)
		issues_add(issues, pointer, "pauses after a preview that it leaves out");
	*ret = flow;
}

json_t *flow_control_to_json(const struct flow_control *flow)
{
	json_t *object = json_new_object();
	json_set_bool(object, keys[0], flow->is_manual);
	json_set_bool(object, keys[1], flow->disable_on_lifecycle_events);
	json_set_bool(object, keys[2], flow->skip_refresh);
	json_set_bool(object, keys[3], flow->preview_before_update_or_destroy);
	json_set_bool(object, keys[4], flow->pause_between_preview_and_update_or_destroy);
	return object;
}
