-- Webhooks: while there is a process that delivers them, each operation that ends leaves a job, in the transaction that ends it.
-- +goose Up
CREATE TABLE webhook_senders (
    instance_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id)
);
-- +goose StatementBegin
CREATE FUNCTION operations_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM webhook_senders) THEN
        INSERT INTO jobs (id, kind, args, schedule, state, scheduled_at, attempt, error, created_at, updated_at)
        VALUES (NEW.id, 'webhook.deliver', '{"operation_id":"' || NEW.id || '"}', '', 'available', NEW.finished_at, 0, '', NEW.finished_at, NEW.finished_at)
        ON CONFLICT (id) DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER operations_webhook_insert AFTER INSERT ON operations
    FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION operations_webhook();
CREATE TRIGGER operations_webhook_update AFTER UPDATE ON operations
    FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION operations_webhook();

-- +goose Down
DROP TRIGGER operations_webhook_insert ON operations;
DROP TRIGGER operations_webhook_update ON operations;
DROP FUNCTION operations_webhook();
DROP TABLE webhook_senders;
