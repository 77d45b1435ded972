ALTER TABLE `cdc.public.orders` SET (
  'changelog.mode' = 'retract'
)
