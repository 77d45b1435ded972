-- The raw envelope (`before`, `after`, `op`, `source`, …) as an append stream: the dimension keeps
-- deleted customers, so it has to see a delete as a row.
ALTER TABLE `card-tx.public.customers` SET (
  'value.format' = 'json-registry',
  'changelog.mode' = 'append'
)
