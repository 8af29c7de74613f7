-- Webhooks: while there is a process that delivers them, each operation that ends leaves a job, in the transaction that ends it.
-- +goose Up
CREATE TABLE webhook_senders (
    instance_id text NOT NULL,
    PRIMARY KEY (instance_id)
);
-- +goose StatementBegin
CREATE TRIGGER operations_webhook_insert AFTER INSERT ON operations
WHEN NEW.finished_at IS NOT NULL AND EXISTS (SELECT 1 FROM webhook_senders) BEGIN
    INSERT INTO jobs (id, kind, args, schedule, state, scheduled_at, attempt, error, created_at, updated_at)
    VALUES (NEW.id, 'webhook.deliver', '{"operation_id":"' || NEW.id || '"}', '', 'available', NEW.finished_at, 0, '', NEW.finished_at, NEW.finished_at)
    ON CONFLICT (id) DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER operations_webhook_update AFTER UPDATE ON operations
WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL AND EXISTS (SELECT 1 FROM webhook_senders) BEGIN
    INSERT INTO jobs (id, kind, args, schedule, state, scheduled_at, attempt, error, created_at, updated_at)
    VALUES (NEW.id, 'webhook.deliver', '{"operation_id":"' || NEW.id || '"}', '', 'available', NEW.finished_at, 0, '', NEW.finished_at, NEW.finished_at)
    ON CONFLICT (id) DO NOTHING;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER operations_webhook_insert;
DROP TRIGGER operations_webhook_update;
DROP TABLE webhook_senders;
