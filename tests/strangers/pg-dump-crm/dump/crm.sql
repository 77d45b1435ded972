--
-- PostgreSQL database dump
--

\restrict mYhg2Qz0

-- Dumped from database version 16.4
-- Dumped by pg_dump version 16.10

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: companies; Type: TABLE; Schema: public; Owner: crm
--

CREATE TABLE public.companies (
    id integer NOT NULL,
    name character varying(120) NOT NULL,
    country character(2)
);


ALTER TABLE public.companies OWNER TO crm;

CREATE SEQUENCE public.companies_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER SEQUENCE public.companies_id_seq OWNER TO crm;
ALTER SEQUENCE public.companies_id_seq OWNED BY public.companies.id;

CREATE TABLE public.contacts (
    id integer NOT NULL,
    company_id integer,
    full_name text NOT NULL,
    phone text
);


ALTER TABLE public.contacts OWNER TO crm;

ALTER TABLE public.contacts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.contacts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.companies ALTER COLUMN id SET DEFAULT nextval('public.companies_id_seq'::regclass);

--
-- Data for Name: companies; Type: TABLE DATA; Schema: public; Owner: crm
--

COPY public.companies (id, name, country) FROM stdin;
1	Acme	DE
2	Globex	\N
\.


COPY public.contacts (id, company_id, full_name, phone) FROM stdin;
\.


SELECT pg_catalog.setval('public.companies_id_seq', 2, true);
SELECT pg_catalog.setval('public.contacts_id_seq', 1, false);

ALTER TABLE ONLY public.companies
    ADD CONSTRAINT companies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);

CREATE INDEX contacts_company_id_idx ON public.contacts USING btree (company_id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.companies(id);

ALTER TABLE ONLY public.companies REPLICA IDENTITY FULL;
ALTER TABLE ONLY public.contacts REPLICA IDENTITY FULL;

GRANT SELECT ON TABLE public.companies TO reporting;

\unrestrict mYhg2Qz0
