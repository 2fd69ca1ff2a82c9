/** A command line that can't be run; it names the option and the fix. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** What to do; without it the command's help is named. */
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
