/** What help says below the options, of one command or of several. */

/** What the exit status of a run says, and that of a merge. */
export const EXIT_STATUS = `Exit status:
  0    valid: everything asked for was read and proved; with --allow-gaps
       also where only lawful gaps are open that an event names
  1    invalid: something was altered or removed
  2    could not run: usage, credentials, no such trail or bucket
  3    incomplete: nothing found altered, but not everything is proved
  130  interrupted; what was done until then is reported`;

/** Variables of the environment that count wherever AWS is asked. */
export const ENVIRONMENT = `Environment:
  AWS_PROFILE, AWS_ACCESS_KEY_ID, … credentials, as other AWS tools take them;
                                    AWS_REGION narrows nothing
  AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_CLOUDTRAIL
                                    as --endpoint-url, --s3-endpoint-url
  AWS_CA_BUNDLE                     file of certificate authorities
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY the proxy, and what is asked without it
  NO_COLOR                          no colours
  LC_ALL, LC_CTYPE, LANG            a terminal that isn't UTF-8 gets ASCII signs
  GITHUB_ACTIONS, GITHUB_STEP_SUMMARY
                                    annotations and summary of a GitHub job`;

/** What follows the options of a validation. */
export const EPILOGUE = `Times: ISO 8601 (UTC unless it has an offset), a date, or so long ago:
90m, 12h, 3d, 2w, today, yesterday. They mean when files were delivered.

Files:
  --evidence   what validate-trail collect wrote: trail and range are its own,
               unless they are named; or a plain copy, BUCKET/KEY for each
               object, and beside the buckets object-metadata.json (with the
               signatures), ListPublicKeys.json, ListPublicKeys.REGION.json
               and DescribeTrails.json
  --public-keys  what validate-trail keys or aws cloudtrail list-public-keys
               wrote
  --state, --resume, --partial  are written and read by validate-trail alone
  --output, --report  are replaced once the new report is whole

${ENVIRONMENT}
  AWS_BATCH_JOB_ARRAY_INDEX and _SIZE, JOB_COMPLETION_INDEX and
  JOB_COMPLETIONS, SLURM_ARRAY_TASK_ID and _COUNT, STRATEGY_JOB_INDEX and
  STRATEGY_JOB_TOTAL, VALIDATE_TRAIL_SHARDS
                                    which share --shard auto takes

${EXIT_STATUS}

Examples:
  ARN=arn:aws:cloudtrail:us-east-1:111122223333:trail/main
  validate-trail --trail-arn "$ARN" --start-time 7d
  validate-trail --trail-arn "$ARN" --start-time 30d --state s.json --init-state
  validate-trail --trail-arn "$ARN" --since-state --state s.json
  validate-trail collect --evidence ./evidence --trail-arn "$ARN" \\
    --start-time 2026-10-01 --end-time 2026-11-01
  validate-trail --evidence ./evidence --manifest-sha256 "$SHA256" \\
    --format json --output report.json
  validate-trail --trail-arn "$ARN" --start-time 90d --resume run.journal
  validate-trail --trail-arn "$ARN" --start-time 2026-01-01 \\
    --end-time 2026-07-01 --shard 1/2 --partial part-1.jsonl
  validate-trail merge part-1.jsonl part-2.jsonl
  validate-trail --trail-arn "$ARN" --start-time 1d \\
    --report junit=trail.xml --report sarif=trail.sarif
  validate-trail --trail-arn "$ARN" --start-time 1d \\
    --format json --output trail.json --attest key.pem
  validate-trail verify-report trail.json.intoto.json --key public.pem
  validate-trail --explain CHAIN_TAIL_CUT`;
