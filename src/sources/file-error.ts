/** Why a file can't be used, in the system's words: without the call, and the path that it was made with. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, syscall } = error as NodeJS.ErrnoException;
  const at = syscall === undefined ? -1 : message.indexOf(`, ${syscall}`);
  return at < 0 ? message : message.slice(0, at);
}
