SET 'pipeline.name' = 'pricing';
SET 'parallelism.default' = '1';
