/** A command line that can't be run; it names the option and the fix. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string;
  constructor(message: string, hint = 'validate-trail --help lists the options') {
    super(message);
    this.hint = hint;
  }
}
