/** How the trail and its bucket are set up now: worth knowing, never part of what is proved. */
export interface Setting {
  readonly code: SettingCode;
  readonly message: string;
  readonly hint: string;
}

/** Every code and what to do about it. */
export const SETTINGS = {
  VALIDATION_OFF: 'aws cloudtrail update-trail --name … --enable-log-file-validation',
  LOGGING_OFF: 'aws cloudtrail start-logging --name …',
  DELIVERY_FAILING: 'look at the bucket policy and at the KMS key’s policy',
  MANAGEMENT_EVENTS_LEFT_OUT:
    'see aws cloudtrail get-event-selectors; a proof covers what is recorded',
  VERSIONING_OFF:
    'aws s3api put-bucket-versioning keeps originals of what is altered or deleted from then on',
  LIFECYCLE_EXPIRES: 'keep digest and log files as long as they may have to be proved',
  SETTING_UNREADABLE: 'allow the call, or look at the setting by hand',
} as const;

export type SettingCode = keyof typeof SETTINGS;

/** Makes a setting's line; the hint comes from the list. */
export function setting(code: SettingCode, message: string): Setting {
  return { code, message, hint: SETTINGS[code] };
}
