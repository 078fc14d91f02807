-- Plans run one after the other as the daemon itself: without a subtransaction each, another role, or a way for one to
-- fail alone.
CREATE OR REPLACE FUNCTION schemad.run_batch(policy schemad.policy, decisions jsonb, outcomes schemad.outcome[], prove_each boolean)
RETURNS schemad.outcome[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  decision jsonb;
BEGIN
  FOR decision IN SELECT d.value FROM jsonb_array_elements(decisions) AS d LOOP
    EXECUTE decision ->> 'plan_sql';
  END LOOP;
  RETURN array_fill(ROW('applied', NULL, NULL)::schemad.outcome, ARRAY[jsonb_array_length(decisions)]);
END
$function$;
