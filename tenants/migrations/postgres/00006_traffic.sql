-- What processes count for the console and for "top". Rows of traffic_counts are
-- kept for hours or weeks, according to their span.
-- +goose Up
CREATE TABLE traffic_counts (
    span      text COLLATE "C" NOT NULL,
    at        timestamptz NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    source    text COLLATE "C" NOT NULL,
    requests  bigint NOT NULL,
    failed    bigint NOT NULL,
    took      text COLLATE "C" NOT NULL,
    PRIMARY KEY (span, at, tenant_id, source),
    CONSTRAINT traffic_counts_span_check CHECK (span IN ('minute', 'hour'))
);

CREATE TABLE process_loads (
    instance_id text COLLATE "C" NOT NULL,
    at          timestamptz NOT NULL,
    load        text COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id),
    CONSTRAINT process_loads_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES instances (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE process_loads;
DROP TABLE traffic_counts;
