-- Times are milliseconds since the epoch, 0 for "not yet"; truth values are 0 or 1; words are those
-- of model/enums.h. Columns that a uniqueness covers hold '' for "none". What refers to a cloud
-- resource or a runner outlives it, for audit, and so has no foreign key.

CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

CREATE TABLE counter (
	name TEXT PRIMARY KEY,
	value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('stack_job', 0);

CREATE TABLE resource (
	id TEXT PRIMARY KEY,
	type TEXT NOT NULL,
	org TEXT NOT NULL,
	env TEXT NOT NULL,
	kind TEXT NOT NULL,
	slug TEXT NOT NULL,
	name TEXT NOT NULL,
	version_id TEXT,
	created_by TEXT,
	updated_by TEXT,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL,
	status TEXT,
	manifest TEXT
);
CREATE UNIQUE INDEX resource_name ON resource (type, org, env, kind, slug);
CREATE INDEX resource_type ON resource (type, id);

CREATE TABLE resource_version (
	id TEXT PRIMARY KEY,
	resource_id TEXT NOT NULL,
	position BIGINT NOT NULL,
	previous_id TEXT,
	event TEXT NOT NULL,
	actor TEXT,
	message TEXT,
	stack_job_id TEXT,
	created_ms BIGINT NOT NULL,
	manifest TEXT,
	diff TEXT
);
CREATE UNIQUE INDEX resource_version_order ON resource_version (resource_id, position);

-- What changes often and what queries filter on comes first, documents last: a row is read from its
-- start, and only as far as needed.
CREATE TABLE stack_job (
	id TEXT PRIMARY KEY,
	number BIGINT NOT NULL UNIQUE,
	last_seq BIGINT NOT NULL,
	status TEXT NOT NULL,
	result TEXT NOT NULL,
	epoch BIGINT NOT NULL,
	runner_id TEXT,
	state_id TEXT NOT NULL,
	resource_id TEXT,
	org TEXT,
	env TEXT,
	kind TEXT,
	slug TEXT,
	operation TEXT NOT NULL,
	cancel_requested BIGINT NOT NULL,
	force_requested BIGINT NOT NULL,
	created_ms BIGINT NOT NULL,
	started_ms BIGINT NOT NULL,
	ended_ms BIGINT NOT NULL,
	actor TEXT,
	message TEXT,
	version_id TEXT,
	rerun_of TEXT,
	cancel_actor TEXT,
	cancel_reason TEXT,
	error_code TEXT,
	error_message TEXT,
	options TEXT,
	summary TEXT,
	pause TEXT,
	preflight TEXT,
	essentials TEXT,
	manifest TEXT
);
CREATE INDEX stack_job_resource ON stack_job (resource_id, number);
CREATE INDEX stack_job_org ON stack_job (org, number);
CREATE INDEX stack_job_unfinished ON stack_job (number) WHERE status <> 'completed';
CREATE INDEX stack_job_queue ON stack_job (status, number, state_id) WHERE status <> 'completed';
CREATE INDEX stack_job_line ON stack_job (state_id, number, status) WHERE status <> 'completed';
CREATE INDEX stack_job_lease ON stack_job (runner_id, number) WHERE status <> 'completed';

CREATE TABLE job_operation (
	job_id TEXT NOT NULL REFERENCES stack_job (id) ON DELETE CASCADE,
	operation TEXT NOT NULL,
	status TEXT NOT NULL,
	result TEXT NOT NULL,
	started_ms BIGINT NOT NULL,
	ended_ms BIGINT NOT NULL,
	summary TEXT,
	errors TEXT,
	PRIMARY KEY (job_id, operation)
);

CREATE TABLE job_attempt (
	job_id TEXT NOT NULL REFERENCES stack_job (id) ON DELETE CASCADE,
	operation TEXT NOT NULL,
	number BIGINT NOT NULL,
	epoch BIGINT NOT NULL,
	stdout_offset BIGINT NOT NULL,
	stderr_offset BIGINT NOT NULL,
	result TEXT NOT NULL,
	started_ms BIGINT NOT NULL,
	ended_ms BIGINT NOT NULL,
	command TEXT,
	runner_id TEXT,
	state_token_hash TEXT UNIQUE,
	parser TEXT,
	facts TEXT,
	PRIMARY KEY (job_id, operation, number)
);

-- Events and log segments of a job share one numbering without gaps: stack_job.last_seq.
CREATE TABLE job_event (
	job_id TEXT NOT NULL REFERENCES stack_job (id) ON DELETE CASCADE,
	seq BIGINT NOT NULL,
	type TEXT NOT NULL,
	operation TEXT,
	time_ms BIGINT NOT NULL,
	payload TEXT NOT NULL,
	PRIMARY KEY (job_id, seq)
);

-- Lines last_seq - line_count + 1 .. last_seq; segment.h says what lengths holds.
CREATE TABLE log_segment (
	job_id TEXT NOT NULL REFERENCES stack_job (id) ON DELETE CASCADE,
	last_seq BIGINT NOT NULL,
	line_count BIGINT NOT NULL,
	operation TEXT,
	attempt BIGINT NOT NULL,
	stream TEXT NOT NULL,
	time_ms BIGINT NOT NULL,
	lengths BYTEA NOT NULL,
	bytes BYTEA NOT NULL,
	PRIMARY KEY (job_id, last_seq)
);
CREATE INDEX log_segment_operation ON log_segment (job_id, operation, last_seq);

CREATE TABLE state_version (
	id TEXT PRIMARY KEY,
	state_id TEXT NOT NULL,
	position BIGINT NOT NULL,
	serial BIGINT NOT NULL,
	lineage TEXT,
	size BIGINT NOT NULL,
	md5 TEXT,
	job_id TEXT,
	epoch BIGINT NOT NULL,
	actor TEXT,
	message TEXT,
	created_ms BIGINT NOT NULL,
	resource_count BIGINT NOT NULL,
	sealed BYTEA NOT NULL
);
CREATE UNIQUE INDEX state_version_order ON state_version (state_id, position);

CREATE TABLE state_lock (
	state_id TEXT PRIMARY KEY,
	lock_id TEXT NOT NULL,
	info TEXT,
	job_id TEXT,
	epoch BIGINT NOT NULL,
	created_ms BIGINT NOT NULL
);

CREATE TABLE adoption (
	job_id TEXT NOT NULL REFERENCES stack_job (id) ON DELETE CASCADE,
	address TEXT NOT NULL,
	resource_id TEXT,
	type TEXT,
	provider TEXT,
	complete BIGINT NOT NULL,
	action TEXT,
	id_key TEXT,
	id_value TEXT,
	advice TEXT,
	created_ms BIGINT NOT NULL,
	resolved_ms BIGINT NOT NULL,
	PRIMARY KEY (job_id, address)
);
CREATE INDEX adoption_resource ON adoption (resource_id);

CREATE TABLE quarantine (
	job_id TEXT NOT NULL REFERENCES stack_job (id) ON DELETE CASCADE,
	epoch BIGINT NOT NULL,
	name TEXT NOT NULL,
	created_ms BIGINT NOT NULL,
	sealed BYTEA NOT NULL
);
CREATE INDEX quarantine_job ON quarantine (job_id);

CREATE TABLE artifact (
	job_id TEXT NOT NULL REFERENCES stack_job (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	digest TEXT,
	created_ms BIGINT NOT NULL,
	bytes BYTEA NOT NULL,
	PRIMARY KEY (job_id, name)
);

CREATE TABLE runner (
	id TEXT PRIMARY KEY,
	name TEXT,
	public_key TEXT UNIQUE,
	version TEXT,
	labels TEXT,
	info TEXT,
	capacity BIGINT NOT NULL,
	created_ms BIGINT NOT NULL,
	last_seen_ms BIGINT NOT NULL,
	abandoned BIGINT NOT NULL
);

CREATE TABLE api_key (
	id TEXT PRIMARY KEY,
	name TEXT,
	hash TEXT NOT NULL UNIQUE,
	role TEXT NOT NULL,
	runner_id TEXT,
	created_ms BIGINT NOT NULL
);

CREATE TABLE idempotency (
	principal TEXT NOT NULL,
	key TEXT NOT NULL,
	request_hash TEXT,
	http_status BIGINT NOT NULL,
	created_ms BIGINT NOT NULL,
	response TEXT,
	PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_age ON idempotency (created_ms);
