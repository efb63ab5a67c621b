import type { FileSystem } from './storage.ts';

/** Linux: `f_type` of statfs(2), from linux/magic.h. */
const LINUX: Readonly<Record<number, FileSystem>> = {
  61267: 'local', // ext2, ext3, ext4
  1481003842: 'local', // xfs
  2435016766: 'local', // btrfs
  801189825: 'local', // zfs
  3393526350: 'local', // bcachefs
  4076150800: 'local', // f2fs
  2035054128: 'local', // overlay
  16914836: 'local', // tmpfs
  2240043254: 'local', // ramfs
  827541066: 'local', // jfs
  1382369651: 'local', // reiserfs
  1936094318: 'local', // ntfs3
  1397118030: 'local', // ntfs
  19780: 'local', // vfat, which has no hard links: no log can be made there
  538032816: 'local', // exfat, the same
  26985: 'network', // nfs
  20859: 'network', // smb
  4283649346: 'network', // cifs
  4266872130: 'network', // smb2
  12805120: 'network', // ceph
  1397113167: 'network', // afs
  18225520: 'network', // gfs2
  1952539503: 'network', // ocfs2
  198183888: 'network', // lustre
  1196443219: 'network', // gpfs
  1702057286: 'strange', // fuse
  16914839: 'strange', // 9p
};

/** macOS: the number in `f_type`, which follows the order in which the kernel registers its file systems. */
const DARWIN: Readonly<Record<number, FileSystem>> = {
  17: 'local', // hfs on older systems
  23: 'local', // hfs
  26: 'local', // apfs
  28: 'local', // apfs
  2: 'network', // nfs
  30: 'network', // smbfs
};

/**
 * Kind of a file system from the type that statfs reports, the platform, and the path (Windows reports no
 * type).
 */
export function fileSystemKind(type: number, platform: NodeJS.Platform, path: string): FileSystem {
  if (platform === 'win32') return /^[\\/]{2}(?![?.][\\/])/.test(path) ? 'network' : 'local';
  const known = platform === 'darwin' ? DARWIN : LINUX;
  return known[type >>> 0] ?? 'strange';
}
