-- Text is compared by its bytes, whatever the database's locale: ids are in the
-- order of time, and names are found alike on every server. Columns that come
-- later say COLLATE "C" themselves.
-- +goose Up
-- +goose StatementBegin
DO $$ DECLARE change text; BEGIN
    FOR change IN
        SELECT format('ALTER TABLE %s %s', attrelid::regclass, string_agg(format('ALTER COLUMN %I TYPE text COLLATE "C"', attname), ', '))
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'goose_db_version'
            AND attnum > 0 AND NOT attisdropped AND atttypid = 'text'::regtype
        GROUP BY attrelid
    LOOP
        EXECUTE change;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
