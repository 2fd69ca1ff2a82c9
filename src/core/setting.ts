/** How the trail and its bucket are set up now: worth knowing, never part of what is proved. */
export interface Setting {
  readonly code: SettingCode;
  readonly message: string;
  readonly hint: string;
}

/** Every code and its words. The README’s table and what `--explain` says are made from this. */
export const SETTINGS = {
  VALIDATION_OFF: {
    title: 'log file validation is off',
    explanation:
      'The trail has no log file validation now, so CloudTrail writes no more digest files for it. What they cover stays proved; time that none covers is COVERAGE_GAP.',
    honest: 'a trail that was made without it, which is the AWS CLI’s default',
    hint: 'aws cloudtrail update-trail --name … --enable-log-file-validation',
  },
  LOGGING_OFF: {
    title: 'the trail does not log',
    explanation:
      'The trail is stopped now, so that it records nothing. What digest files cover stays proved; time that none covers is COVERAGE_GAP.',
    honest: 'a trail that nobody wants any more, or that was paused',
    hint: 'aws cloudtrail start-logging --name …',
  },
  DELIVERY_FAILING: {
    title: 'CloudTrail can’t deliver',
    explanation:
      'CloudTrail says that its latest log file or digest file could not be delivered. What is missing of the range that was asked for is told as findings.',
    honest: 'a bucket’s or KMS key’s policy that was changed, or a bucket that is gone',
    hint: 'look at the bucket policy and at the KMS key’s policy',
  },
  MANAGEMENT_EVENTS_LEFT_OUT: {
    title: 'event selectors leave management events out',
    explanation:
      'The trail does not record all management events now. A proof says that log files are whole, not that everything is in them; how the selectors were in the range is not known.',
    honest: 'a trail for data events alone, or frequent events of KMS left out for their cost',
    hint: 'see aws cloudtrail get-event-selectors; a proof covers what is recorded',
  },
  VERSIONING_OFF: {
    title: 'the bucket keeps no versions',
    explanation:
      'Versioning is off or suspended now, so that what is altered or deleted can’t be restored. It says nothing for or against the log files that are there.',
    honest: 'the default of every bucket',
    hint: 'aws s3api put-bucket-versioning keeps originals of what is altered or deleted from then on',
  },
  LIFECYCLE_EXPIRES: {
    title: 'a lifecycle rule deletes what was asked for',
    explanation:
      'A rule of the bucket deletes objects of the trail that are as old as part of the range. What is gone is told as findings all the same: the rule can be why, and does not prove that it is.',
    honest: 'a rule that saves cost',
    hint: 'keep digest and log files as long as they may have to be proved',
  },
  SETTING_UNREADABLE: {
    title: 'a setting could not be read',
    explanation:
      'The call that tells a setting was refused or not answered, so nothing is known of it. The verdict does not hang on it.',
    honest: 'a role that may do only what the verdict needs, or a server that lacks the call',
    hint: 'allow the call, or look at the setting by hand',
  },
} as const;

export type SettingCode = keyof typeof SETTINGS;

/** Every setting’s code. */
export const SETTING_CODES = Object.keys(SETTINGS) as SettingCode[];

/** Makes a setting's line; the hint comes from the list. */
export function setting(code: SettingCode, message: string): Setting {
  return { code, message, hint: SETTINGS[code].hint };
}
