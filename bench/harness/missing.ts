/** Something that a comparison needs and that is not here: reported as missing, never as beaten. */
export class Missing extends Error {}
