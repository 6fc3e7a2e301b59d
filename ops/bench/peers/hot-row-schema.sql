CREATE TABLE stock (lot int PRIMARY KEY, remaining bigint NOT NULL CHECK (remaining >= 0));
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lot int NOT NULL, buyer bigint NOT NULL, UNIQUE (lot, buyer)
);
INSERT INTO stock VALUES (1, 1000000000);
