CREATE TABLE wallets (
    wallet_id UUID PRIMARY KEY,
    holder TEXT NOT NULL
);
