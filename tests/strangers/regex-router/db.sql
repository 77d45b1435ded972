CREATE TABLE public.measurements (
  device integer NOT NULL,
  slot integer NOT NULL,
  value real,
  PRIMARY KEY (device, slot)
);
ALTER TABLE public.measurements REPLICA IDENTITY FULL;
