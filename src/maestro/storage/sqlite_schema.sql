-- The newest schema as the migrations make it, for a file that is still empty. Whoever adds a
-- migration changes this too: a test compares the two.

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE runs (
    id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    status TEXT NOT NULL,
    max_parallel INTEGER NOT NULL,
    last_sequence BIGINT DEFAULT '0' NOT NULL,
    steered BIGINT DEFAULT '0' NOT NULL,
    offers INTEGER DEFAULT '0' NOT NULL,
    fence BIGINT DEFAULT '0' NOT NULL,
    owner TEXT,
    lease_until DOUBLE,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    concurrency TEXT NOT NULL,
    inputs TEXT NOT NULL,
    project TEXT DEFAULT 'default' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT run_status CHECK (
        status = 'pending' OR status = 'running' OR status = 'paused' OR status = 'blocked'
        OR status = 'succeeded' OR status = 'failed' OR status = 'cancelled'
    )
);

CREATE INDEX runs_by_age ON runs (created_at);

CREATE INDEX runs_by_status ON runs (status, created_at);

CREATE TABLE steps (
    run_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    definition TEXT NOT NULL,
    definition_digest TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    forgiven INTEGER NOT NULL,
    extended INTEGER NOT NULL,
    output TEXT,
    error TEXT,
    started_at TEXT,
    ended_at TEXT,
    retry_at TEXT,
    PRIMARY KEY (run_id, step_id),
    CONSTRAINT step_status CHECK (
        status = 'pending' OR status = 'ready' OR status = 'running' OR status = 'waiting'
        OR status = 'awaiting' OR status = 'succeeded' OR status = 'failed' OR status = 'blocked'
        OR status = 'skipped' OR status = 'cancelled'
    ),
    CONSTRAINT step_position UNIQUE (run_id, position),
    FOREIGN KEY(run_id) REFERENCES runs (id)
);

CREATE TABLE attempts (
    run_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    definition_digest TEXT NOT NULL,
    input_digest TEXT NOT NULL,
    status TEXT NOT NULL,
    output TEXT,
    error TEXT,
    started_at TEXT,
    ended_at TEXT,
    waited DOUBLE,
    PRIMARY KEY (run_id, step_id, attempt),
    FOREIGN KEY(run_id, step_id) REFERENCES steps (run_id, step_id),
    CONSTRAINT attempt_status CHECK (
        status = 'running' OR status = 'succeeded' OR status = 'failed' OR status = 'blocked'
        OR status = 'cancelled' OR status = 'interrupted'
    )
);

CREATE TABLE events (
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    step_id TEXT,
    attempt INTEGER,
    data TEXT NOT NULL,
    PRIMARY KEY (run_id, sequence),
    FOREIGN KEY(run_id) REFERENCES runs (id)
)
 WITHOUT ROWID

;

CREATE TABLE tasks (
    run_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    capability TEXT NOT NULL,
    priority BIGINT NOT NULL,
    offered_at DOUBLE NOT NULL,
    worker TEXT NOT NULL,
    token BIGINT NOT NULL,
    lease_until DOUBLE,
    result TEXT,
    PRIMARY KEY (run_id, step_id),
    FOREIGN KEY(run_id, step_id) REFERENCES steps (run_id, step_id)
);

CREATE INDEX tasks_waiting ON tasks (worker, capability);

CREATE TABLE requirements (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    submitted_at TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE audit (
    id INTEGER NOT NULL,
    at TEXT NOT NULL,
    principal TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    project TEXT DEFAULT '' NOT NULL,
    seal TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE writers (
    id TEXT NOT NULL,
    batch BIGINT NOT NULL,
    seen DOUBLE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE contracts (
    position INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    at TEXT NOT NULL,
    terms TEXT NOT NULL,
    reason TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (position),
    CONSTRAINT contract_status CHECK (
        status IN ('draft', 'agreed', 'fulfilled', 'breached', 'amended')
    ),
    CONSTRAINT contract_version UNIQUE (run_id, id, version)
);

CREATE INDEX contracts_by_id ON contracts (id, at);

CREATE TABLE waivers (
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    gate TEXT NOT NULL,
    status TEXT NOT NULL,
    author TEXT NOT NULL,
    approver TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (position),
    CONSTRAINT waiver_status CHECK (status IN ('requested', 'approved', 'refused', 'revoked')),
    CONSTRAINT waiver_approver CHECK (
        status <> 'approved' OR (approver <> '' AND approver <> author)
    ),
    CONSTRAINT waiver_id UNIQUE (id)
);

CREATE INDEX waivers_by_project ON waivers (project, status);

CREATE TABLE baselines (
    project TEXT NOT NULL,
    subject TEXT NOT NULL,
    phase TEXT NOT NULL,
    at TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, subject, phase)
);

CREATE TABLE agents (
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    home TEXT NOT NULL,
    lease_until FLOAT,
    success FLOAT NOT NULL,
    seconds FLOAT,
    done INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    registered_at TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (position),
    CONSTRAINT agent_success CHECK (success BETWEEN 0 AND 1),
    CONSTRAINT agent_id UNIQUE (id)
);

CREATE TABLE model_calls (
    position INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    session TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    cost DOUBLE NOT NULL,
    tokens INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    expires DOUBLE NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (position),
    CONSTRAINT model_call_kind CHECK (kind IN ('model', 'tool', 'check', 'end')),
    CONSTRAINT model_call_state CHECK (state IN ('sent', 'answered', 'lost'))
);

CREATE INDEX model_calls_by_step ON model_calls (run_id, step_id, position);

CREATE TABLE raised_limits (
    run_id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (run_id)
);

CREATE INDEX runs_by_project ON runs (project, created_at);

CREATE TABLE api_keys (
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE workflows (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, name)
);

CREATE TABLE requests (
    principal TEXT NOT NULL,
    "key" TEXT NOT NULL,
    digest TEXT NOT NULL,
    run_id TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (principal, "key")
);

CREATE TABLE headlines (
    run_id TEXT NOT NULL,
    last_sequence BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (run_id),
    FOREIGN KEY(run_id) REFERENCES runs (id)
);

CREATE TABLE pools (
    capability TEXT NOT NULL,
    keeper TEXT NOT NULL,
    lease_until FLOAT NOT NULL,
    started INTEGER DEFAULT '0' NOT NULL,
    ended INTEGER DEFAULT '0' NOT NULL,
    lost INTEGER DEFAULT '0' NOT NULL,
    start_failed INTEGER DEFAULT '0' NOT NULL,
    trouble TEXT DEFAULT '' NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (capability)
);

CREATE TABLE pool_events (
    position INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (position)
);

CREATE TABLE dispatchers (
    process TEXT NOT NULL,
    lease_until FLOAT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (process)
);

CREATE TABLE dispatch_totals (
    name TEXT NOT NULL,
    amount FLOAT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE webhooks (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE webhook_kinds (
    webhook_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (webhook_id, kind)
);

CREATE TABLE deliveries (
    number INTEGER NOT NULL,
    webhook_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    token INTEGER NOT NULL,
    due DOUBLE NOT NULL,
    answer INTEGER,
    error TEXT DEFAULT '' NOT NULL,
    ended_at TEXT,
    PRIMARY KEY (number),
    CONSTRAINT delivery_of_event UNIQUE (webhook_id, run_id, sequence),
    CONSTRAINT delivery_status CHECK (status IN ('waiting', 'delivered', 'dead'))
);

CREATE INDEX deliveries_due ON deliveries (webhook_id, due, number) WHERE status = 'waiting';

CREATE TABLE shares (
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    with_project TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT shared_once UNIQUE (project, kind, name, with_project)
);

CREATE TABLE project_budgets (
    project TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project)
);

CREATE TABLE figures (
    "key" TEXT NOT NULL,
    value DOUBLE NOT NULL,
    PRIMARY KEY ("key")
);

CREATE TABLE counted (
    purpose TEXT NOT NULL,
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (purpose, run_id),
    FOREIGN KEY(run_id) REFERENCES runs (id)
);

CREATE INDEX runs_counts ON runs (project, workflow, status);
