// Text of unknown origin, made harmless to a terminal.

/**
 * Control characters, line breaks and marks that turn the direction of text become `\u….` escapes:
 * a name in a manifest must not move the cursor, hide a line or end one.
 */
export function printable(text: string): string {
  return text.replace(dangerous, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/**
 * JSON text that means the same and is harmless to a terminal: JSON itself escapes only the control
 * characters below U+0020. None of these characters can stand outside of a JSON string.
 */
export function printableJson(text: string): string {
  return text.replace(dangerousInJson, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const dangerousInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const dangerous = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
