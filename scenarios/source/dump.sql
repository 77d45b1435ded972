--
-- PostgreSQL database dump
--

\restrict aToken

-- Dumped from database version 18.1
-- Dumped by pg_dump version 18.1

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: audit; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA audit;


ALTER SCHEMA audit OWNER TO postgres;

--
-- Name: btree_gist; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;


--
-- Name: EXTENSION btree_gist; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';


--
-- Name: pgcrypto; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;


CREATE EXTENSION IF NOT EXISTS pgaudit WITH SCHEMA public;


--
-- Name: EXTENSION pgcrypto; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION pgcrypto IS 'cryptographic functions';


--
-- Name: level; Type: TYPE; Schema: audit; Owner: postgres
--

CREATE TYPE audit.level AS ENUM (
    'info',
    'warning'
);


ALTER TYPE audit.level OWNER TO postgres;

--
-- Name: cents; Type: DOMAIN; Schema: public; Owner: postgres
--

CREATE DOMAIN public.cents AS numeric(12,2)
	CONSTRAINT cents_check CHECK ((VALUE >= (0)::numeric));


ALTER DOMAIN public.cents OWNER TO postgres;

--
-- Name: note(); Type: FUNCTION; Schema: audit; Owner: postgres
--

CREATE FUNCTION audit.note() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO audit.log SELECT coalesce(max(id), 0) + 1, 'info', TG_TABLE_NAME || ' ' || NEW.id FROM audit.log;
  RETURN NEW;
END $$;


ALTER FUNCTION audit.note() OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: log; Type: TABLE; Schema: audit; Owner: postgres
--

CREATE TABLE audit.log (
    id integer NOT NULL,
    level audit.level NOT NULL,
    said text
);


ALTER TABLE audit.log OWNER TO postgres;

--
-- Name: bookings; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.bookings (
    room integer NOT NULL,
    during int4range NOT NULL,
    id integer NOT NULL
);


ALTER TABLE public.bookings OWNER TO postgres;

--
-- Name: customers; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.customers (
    id bigint NOT NULL,
    email text NOT NULL,
    since timestamp(3) without time zone DEFAULT '2024-01-01 00:00:00'::timestamp without time zone NOT NULL,
    best_order integer
);


ALTER TABLE public.customers OWNER TO postgres;

--
-- Name: customers_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

ALTER TABLE public.customers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.customers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: orders; Type: TABLE; Schema: public; Owner: shop_app
--

CREATE TABLE public.orders (
    id integer NOT NULL,
    customer bigint NOT NULL,
    total public.cents NOT NULL,
    gross numeric(12,2) GENERATED ALWAYS AS (((total)::numeric * 1.2)) STORED,
    note text
);


ALTER TABLE public.orders OWNER TO shop_app;

--
-- Name: TABLE orders; Type: COMMENT; Schema: public; Owner: shop_app
--

COMMENT ON TABLE public.orders IS 'what was bought; it''s long';


--
-- Name: COLUMN orders.note; Type: COMMENT; Schema: public; Owner: shop_app
--

COMMENT ON COLUMN public.orders.note IS 'a \ in it';


--
-- Name: orders_id_seq; Type: SEQUENCE; Schema: public; Owner: shop_app
--

CREATE SEQUENCE public.orders_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.orders_id_seq OWNER TO shop_app;

--
-- Name: orders_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: shop_app
--

ALTER SEQUENCE public.orders_id_seq OWNED BY public.orders.id;


--
-- Name: rich; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.rich AS
 SELECT orders.customer,
    sum((orders.total)::numeric) AS sum
   FROM public.orders
  GROUP BY orders.customer;


ALTER TABLE public.rich OWNER TO postgres;

--
-- Name: orders id; Type: DEFAULT; Schema: public; Owner: shop_app
--

ALTER TABLE ONLY public.orders ALTER COLUMN id SET DEFAULT nextval('public.orders_id_seq'::regclass);


--
-- Data for Name: log; Type: TABLE DATA; Schema: audit; Owner: postgres
--

COPY audit.log (id, level, said) FROM stdin;
1	info	orders 1
2	info	orders 2
3	info	orders 3
4	info	orders 4
\.


--
-- Data for Name: bookings; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.bookings (room, during, id) FROM stdin;
1	[1,5)	1
1	[5,9)	2
\.


--
-- Data for Name: customers; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.customers (id, email, since, best_order) FROM stdin;
2	bob@shop	2024-01-01 00:00:00	\N
3	tab\there	2024-01-01 00:00:00	\N
1	ann@shop	2024-01-01 00:00:00	2
\.


--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: shop_app
--

COPY public.orders (id, customer, total, note) FROM stdin;
1	1	10.50	first
2	1	20.00	two\nlines
3	2	0.00	\N
4	3	7.00	back\\slash
\.


--
-- Name: customers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.customers_id_seq', 3, true);


--
-- Name: orders_id_seq; Type: SEQUENCE SET; Schema: public; Owner: shop_app
--

SELECT pg_catalog.setval('public.orders_id_seq', 4, true);


--
-- Name: log log_pkey; Type: CONSTRAINT; Schema: audit; Owner: postgres
--

ALTER TABLE ONLY audit.log
    ADD CONSTRAINT log_pkey PRIMARY KEY (id);


--
-- Name: bookings bookings_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_pkey PRIMARY KEY (id);


--
-- Name: bookings bookings_room_during_excl; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_room_during_excl EXCLUDE USING gist (room WITH =, during WITH &&);


--
-- Name: customers customers_email_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_email_key UNIQUE (email);


--
-- Name: customers customers_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: shop_app
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);


--
-- Name: by_customer; Type: INDEX; Schema: public; Owner: shop_app
--

CREATE INDEX by_customer ON public.orders USING btree (customer);


--
-- Name: orders noted; Type: TRIGGER; Schema: public; Owner: shop_app
--

CREATE TRIGGER noted AFTER INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION audit.note();


--
-- Name: customers best; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT best FOREIGN KEY (best_order) REFERENCES public.orders(id) DEFERRABLE;


--
-- Name: orders orders_customer_fkey; Type: FK CONSTRAINT; Schema: public; Owner: shop_app
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES public.customers(id);


--
-- Name: SCHEMA audit; Type: ACL; Schema: -; Owner: postgres
--

GRANT USAGE ON SCHEMA audit TO shop_reader;


--
-- Name: TABLE bookings; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT ON TABLE public.bookings TO shop_reader;


--
-- Name: TABLE customers; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT ON TABLE public.customers TO shop_reader;


--
-- Name: TABLE orders; Type: ACL; Schema: public; Owner: shop_app
--

GRANT SELECT ON TABLE public.orders TO shop_reader;


--
-- Name: TABLE rich; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT ON TABLE public.rich TO shop_reader;


--
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: audit; Owner: postgres
--

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA audit GRANT SELECT ON TABLES  TO shop_reader;


--
-- PostgreSQL database dump complete
--

\unrestrict aToken

