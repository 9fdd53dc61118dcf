/** What firmware speaks over a packet channel (docs/dialects.md). */
export const DIALECTS = ['virtio-msg', 'rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** Dialects of one message for each request, which describe nothing and count nothing. */
export type MessageDialect = Exclude<Dialect, 'virtio-msg'>;
