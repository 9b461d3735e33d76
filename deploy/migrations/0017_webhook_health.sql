-- Whether the webhooks of each account arrive, and how much of its call budget is left.

-- One row for each account whose webhooks were handled. `verified` counts the deliveries, `brought` the changes that they
-- brought. `failing_since` repeats the merchant's stream, for metrics.
CREATE TABLE webhook_health (
    merchant      text        NOT NULL,
    provider      text        NOT NULL,
    verified      bigint      NOT NULL DEFAULT 0,
    brought       bigint      NOT NULL DEFAULT 0,
    verified_at   timestamptz,
    failing_since timestamptz,
    PRIMARY KEY (merchant, provider)
);

-- Changes that a sweep found first. A row goes when a webhook about the change arrives, and stays as missed otherwise.
-- `verified` and `brought` are the counts when the sweep found the change.
CREATE TABLE webhook_findings (
    merchant     text        NOT NULL,
    provider     text        NOT NULL,
    payment_id   bigint      NOT NULL,
    changed_at   timestamptz NOT NULL,
    found_at     timestamptz NOT NULL,
    resource_ids text[]      NOT NULL,
    verified     bigint      NOT NULL,
    brought      bigint      NOT NULL,
    is_missed    boolean     NOT NULL DEFAULT false,
    verdict      text,
    PRIMARY KEY (merchant, provider, payment_id, changed_at)
);

CREATE INDEX webhook_findings_waiting ON webhook_findings (found_at) WHERE NOT is_missed;
CREATE INDEX webhook_findings_by_age ON webhook_findings (found_at);
CREATE INDEX webhook_findings_missed ON webhook_findings (merchant, provider, found_at) WHERE is_missed;

-- The call budget of each credential, a token bucket. `credential` is a digest; `granted` is the last portion. `used` and
-- `used_before` are the calls of the Unix minute `minute` and of the one before.
CREATE TABLE provider_budgets (
    credential  text             PRIMARY KEY,
    provider    text             NOT NULL,
    tokens      double precision NOT NULL,
    counted_at  timestamptz      NOT NULL,
    granted     bigint           NOT NULL DEFAULT 0,
    minute      bigint           NOT NULL DEFAULT 0,
    used        bigint           NOT NULL DEFAULT 0,
    used_before bigint           NOT NULL DEFAULT 0
);
