CREATE OR REPLACE FUNCTION schemad.reserved_words() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT '{
  all,analyse,analyze,and,any,array,as,asc,asymmetric,authorization,binary,both,case,cast,check,collate,
  collation,column,concurrently,constraint,create,cross,current_catalog,current_date,current_role,
  current_schema,current_time,current_timestamp,current_user,default,deferrable,desc,distinct,do,else,end,
  except,false,fetch,for,foreign,freeze,from,full,grant,group,having,ilike,in,initially,inner,intersect,into,
  is,isnull,join,lateral,leading,left,like,limit,localtime,localtimestamp,natural,not,notnull,"null",offset,on,
  only,or,order,outer,overlaps,placing,primary,references,returning,right,select,session_user,similar,some,
  symmetric,system_user,table,tablesample,then,to,trailing,true,union,unique,user,using,variadic,verbose,when,
  where,window,with
}'::text[]
$function$;

COMMENT ON FUNCTION schemad.reserved_words() IS
  'Keywords that no table or field may be called: the reserved ones (catcode R and T of pg_get_keywords()) of PostgreSQL 15 to 18.';
