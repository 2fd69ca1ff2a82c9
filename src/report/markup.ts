/** Making text from a bucket safe to stand in XML, HTML and Markdown. */
import { escapeText } from './escape.js';

const entity = (char: string): string => `&#${char.codePointAt(0) ?? 0};`;

/** For XML and HTML, as text or as an attribute's value: nothing that is left means anything there. */
export function escapeMarkup(text: string): string {
  return escapeText(text).replace(/[&<>"'`]/g, entity);
}

/**
 * For Markdown, where links, mentions and emphasis come about by themselves: all but letters, digits
 * and blanks is written as entities.
 */
export function escapeMarkdown(text: string): string {
  return escapeText(text).replace(/[^\p{L}\p{N} ]/gu, entity);
}
