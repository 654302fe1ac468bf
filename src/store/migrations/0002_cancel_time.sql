-- When a job's cancel was asked for; 0: never, or before this was kept.
ALTER TABLE stack_job ADD COLUMN cancel_ms BIGINT NOT NULL DEFAULT 0;
