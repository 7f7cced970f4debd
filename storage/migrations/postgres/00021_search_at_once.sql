-- +goose Up

-- What is new in the index of names waits in no list, which every search would read and some insert would have to clear.
ALTER INDEX IF EXISTS clients_by_trigram SET (fastupdate = off);
