//! Linux's error numbers.

use std::fmt;
use std::io;
use std::num::NonZeroU8;

/// An error number of Linux, with the kernel's name for it: `Errno::ENOENT`.
///
/// The numbers are those of the generic table of Linux, which every architecture but Alpha, MIPS,
/// PA-RISC and SPARC uses. They do not depend on the host: guests read them. `EWOULDBLOCK` is
/// [`Errno::EAGAIN`] and `ENOTSUP` is [`Errno::EOPNOTSUPP`], as on Linux.
///
/// ```
/// use vfsnotify::Errno;
/// let errno = Errno::ENOENT;
/// assert_eq!((errno.raw_os_error(), errno.name()), (2, "ENOENT"));
/// assert_eq!(errno.to_string(), "no such file or directory (ENOENT)");
/// assert_eq!(Errno::from_raw_os_error(17), Some(Errno::EEXIST));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(NonZeroU8);

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Errno {
            $(
                #[doc = $text]
                pub const $name: Self = Self(NonZeroU8::new($number).unwrap());
            )*

            /// Every number, in order.
            const ALL: &[Self] = &[$(Self::$name),*];
        }

        /// The name and the text of strerror(3), indexed by number.
        const TABLE: [Option<(&str, &str)>; 256] = {
            let mut table = [None; 256];
            $(table[$number] = Some((stringify!($name), $text));)*
            table
        };
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such file or directory";
    ESRCH = 3, "no such process";
    EINTR = 4, "interrupted system call";
    EIO = 5, "input/output error";
    ENXIO = 6, "no such device or address";
    E2BIG = 7, "argument list too long";
    ENOEXEC = 8, "exec format error";
    EBADF = 9, "bad file descriptor";
    ECHILD = 10, "no child processes";
    EAGAIN = 11, "resource temporarily unavailable";
    ENOMEM = 12, "cannot allocate memory";
    EACCES = 13, "permission denied";
    EFAULT = 14, "bad address";
    ENOTBLK = 15, "block device required";
    EBUSY = 16, "device or resource busy";
    EEXIST = 17, "file exists";
    EXDEV = 18, "invalid cross-device link";
    ENODEV = 19, "no such device";
    ENOTDIR = 20, "not a directory";
    EISDIR = 21, "is a directory";
    EINVAL = 22, "invalid argument";
    ENFILE = 23, "too many open files in system";
    EMFILE = 24, "too many open files";
    ENOTTY = 25, "inappropriate ioctl for device";
    ETXTBSY = 26, "text file busy";
    EFBIG = 27, "file too large";
    ENOSPC = 28, "no space left on device";
    ESPIPE = 29, "illegal seek";
    EROFS = 30, "read-only file system";
    EMLINK = 31, "too many links";
    EPIPE = 32, "broken pipe";
    EDOM = 33, "numerical argument out of domain";
    ERANGE = 34, "numerical result out of range";
    EDEADLK = 35, "resource deadlock avoided";
    ENAMETOOLONG = 36, "file name too long";
    ENOLCK = 37, "no locks available";
    ENOSYS = 38, "function not implemented";
    ENOTEMPTY = 39, "directory not empty";
    ELOOP = 40, "too many levels of symbolic links";
    ENOMSG = 42, "no message of desired type";
    EIDRM = 43, "identifier removed";
    ECHRNG = 44, "channel number out of range";
    EL2NSYNC = 45, "level 2 not synchronized";
    EL3HLT = 46, "level 3 halted";
    EL3RST = 47, "level 3 reset";
    ELNRNG = 48, "link number out of range";
    EUNATCH = 49, "protocol driver not attached";
    ENOCSI = 50, "no CSI structure available";
    EL2HLT = 51, "level 2 halted";
    EBADE = 52, "invalid exchange";
    EBADR = 53, "invalid request descriptor";
    EXFULL = 54, "exchange full";
    ENOANO = 55, "no anode";
    EBADRQC = 56, "invalid request code";
    EBADSLT = 57, "invalid slot";
    EBFONT = 59, "bad font file format";
    ENOSTR = 60, "device not a stream";
    ENODATA = 61, "no data available";
    ETIME = 62, "timer expired";
    ENOSR = 63, "out of streams resources";
    ENONET = 64, "machine is not on the network";
    ENOPKG = 65, "package not installed";
    EREMOTE = 66, "object is remote";
    ENOLINK = 67, "link has been severed";
    EADV = 68, "advertise error";
    ESRMNT = 69, "srmount error";
    ECOMM = 70, "communication error on send";
    EPROTO = 71, "protocol error";
    EMULTIHOP = 72, "multihop attempted";
    EDOTDOT = 73, "RFS specific error";
    EBADMSG = 74, "bad message";
    EOVERFLOW = 75, "value too large for defined data type";
    ENOTUNIQ = 76, "name not unique on network";
    EBADFD = 77, "file descriptor in bad state";
    EREMCHG = 78, "remote address changed";
    ELIBACC = 79, "can not access a needed shared library";
    ELIBBAD = 80, "accessing a corrupted shared library";
    ELIBSCN = 81, ".lib section in a.out corrupted";
    ELIBMAX = 82, "attempting to link in too many shared libraries";
    ELIBEXEC = 83, "cannot exec a shared library directly";
    EILSEQ = 84, "invalid or incomplete multibyte or wide character";
    ERESTART = 85, "interrupted system call should be restarted";
    ESTRPIPE = 86, "streams pipe error";
    EUSERS = 87, "too many users";
    ENOTSOCK = 88, "socket operation on non-socket";
    EDESTADDRREQ = 89, "destination address required";
    EMSGSIZE = 90, "message too long";
    EPROTOTYPE = 91, "protocol wrong type for socket";
    ENOPROTOOPT = 92, "protocol not available";
    EPROTONOSUPPORT = 93, "protocol not supported";
    ESOCKTNOSUPPORT = 94, "socket type not supported";
    EOPNOTSUPP = 95, "operation not supported";
    EPFNOSUPPORT = 96, "protocol family not supported";
    EAFNOSUPPORT = 97, "address family not supported by protocol";
    EADDRINUSE = 98, "address already in use";
    EADDRNOTAVAIL = 99, "cannot assign requested address";
    ENETDOWN = 100, "network is down";
    ENETUNREACH = 101, "network is unreachable";
    ENETRESET = 102, "network dropped connection on reset";
    ECONNABORTED = 103, "software caused connection abort";
    ECONNRESET = 104, "connection reset by peer";
    ENOBUFS = 105, "no buffer space available";
    EISCONN = 106, "transport endpoint is already connected";
    ENOTCONN = 107, "transport endpoint is not connected";
    ESHUTDOWN = 108, "cannot send after transport endpoint shutdown";
    ETOOMANYREFS = 109, "too many references: cannot splice";
    ETIMEDOUT = 110, "connection timed out";
    ECONNREFUSED = 111, "connection refused";
    EHOSTDOWN = 112, "host is down";
    EHOSTUNREACH = 113, "no route to host";
    EALREADY = 114, "operation already in progress";
    EINPROGRESS = 115, "operation now in progress";
    ESTALE = 116, "stale file handle";
    EUCLEAN = 117, "structure needs cleaning";
    ENOTNAM = 118, "not a XENIX named type file";
    ENAVAIL = 119, "no XENIX semaphores available";
    EISNAM = 120, "is a named type file";
    EREMOTEIO = 121, "remote I/O error";
    EDQUOT = 122, "disk quota exceeded";
    ENOMEDIUM = 123, "no medium found";
    EMEDIUMTYPE = 124, "wrong medium type";
    ECANCELED = 125, "operation canceled";
    ENOKEY = 126, "required key not available";
    EKEYEXPIRED = 127, "key has expired";
    EKEYREVOKED = 128, "key has been revoked";
    EKEYREJECTED = 129, "key was rejected by service";
    EOWNERDEAD = 130, "owner died";
    ENOTRECOVERABLE = 131, "state not recoverable";
    ERFKILL = 132, "operation not possible due to RF-kill";
    EHWPOISON = 133, "memory page has hardware error";
}

impl Errno {
    /// The number, as Linux returns it to a guest.
    ///
    /// ```
    /// assert_eq!(vfsnotify::Errno::EACCES.raw_os_error(), 13);
    /// ```
    #[must_use]
    pub const fn raw_os_error(self) -> i32 {
        self.0.get() as i32
    }

    /// The errno of a number, or `None` if Linux has none of this number.
    ///
    /// ```
    /// use vfsnotify::Errno;
    /// assert_eq!(Errno::from_raw_os_error(13), Some(Errno::EACCES));
    /// assert_eq!(Errno::from_raw_os_error(41), None);
    /// ```
    #[must_use]
    pub const fn from_raw_os_error(number: i32) -> Option<Self> {
        if number < 1 || number > 255 || TABLE[number as usize].is_none() {
            return None;
        }
        match NonZeroU8::new(number as u8) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The kernel's name, such as `"ENOENT"`.
    ///
    /// ```
    /// assert_eq!(vfsnotify::Errno::EOPNOTSUPP.name(), "EOPNOTSUPP");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The text of strerror(3), without a capital.
    pub(crate) const fn text(self) -> &'static str {
        self.row().1
    }

    const fn row(self) -> (&'static str, &'static str) {
        match TABLE[self.0.get() as usize] {
            Some(row) => row,
            None => panic!("every errno is in the table"),
        }
    }

    /// The kind that the standard library gives an error of this number.
    ///
    /// ```
    /// assert_eq!(vfsnotify::Errno::ENOENT.io_kind(), std::io::ErrorKind::NotFound);
    /// ```
    #[must_use]
    pub const fn io_kind(self) -> io::ErrorKind {
        match self {
            Self::ENOENT => io::ErrorKind::NotFound,
            Self::EPERM | Self::EACCES => io::ErrorKind::PermissionDenied,
            Self::EEXIST => io::ErrorKind::AlreadyExists,
            Self::EAGAIN => io::ErrorKind::WouldBlock,
            Self::EINTR => io::ErrorKind::Interrupted,
            Self::EINVAL => io::ErrorKind::InvalidInput,
            Self::ENOTDIR => io::ErrorKind::NotADirectory,
            Self::EISDIR => io::ErrorKind::IsADirectory,
            Self::ENOTEMPTY => io::ErrorKind::DirectoryNotEmpty,
            Self::EROFS => io::ErrorKind::ReadOnlyFilesystem,
            Self::ENOSPC => io::ErrorKind::StorageFull,
            Self::EXDEV => io::ErrorKind::CrossesDevices,
            Self::ENOSYS | Self::EOPNOTSUPP => io::ErrorKind::Unsupported,
            Self::ENOMEM => io::ErrorKind::OutOfMemory,
            Self::EPIPE => io::ErrorKind::BrokenPipe,
            Self::EBUSY => io::ErrorKind::ResourceBusy,
            Self::ETXTBSY => io::ErrorKind::ExecutableFileBusy,
            Self::EFBIG => io::ErrorKind::FileTooLarge,
            Self::ESPIPE => io::ErrorKind::NotSeekable,
            Self::EMLINK => io::ErrorKind::TooManyLinks,
            Self::E2BIG => io::ErrorKind::ArgumentListTooLong,
            Self::EDEADLK => io::ErrorKind::Deadlock,
            Self::EDQUOT => io::ErrorKind::QuotaExceeded,
            Self::ESTALE => io::ErrorKind::StaleNetworkFileHandle,
            Self::ETIMEDOUT => io::ErrorKind::TimedOut,
            Self::ENAMETOOLONG => io::ErrorKind::InvalidFilename,
            Self::EADDRINUSE => io::ErrorKind::AddrInUse,
            Self::EADDRNOTAVAIL => io::ErrorKind::AddrNotAvailable,
            Self::ENETDOWN => io::ErrorKind::NetworkDown,
            Self::ENETUNREACH => io::ErrorKind::NetworkUnreachable,
            Self::EHOSTUNREACH => io::ErrorKind::HostUnreachable,
            Self::ECONNABORTED => io::ErrorKind::ConnectionAborted,
            Self::ECONNRESET => io::ErrorKind::ConnectionReset,
            Self::ECONNREFUSED => io::ErrorKind::ConnectionRefused,
            Self::ENOTCONN => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::Other,
        }
    }

    /// The closest errno for an error of the standard library: the error's number on Linux, else the
    /// errno of its kind; `EIO` for a kind without a number.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        let raw =
            error.raw_os_error().filter(|_| cfg!(any(target_os = "linux", target_os = "android")));
        raw.and_then(Self::from_raw_os_error).unwrap_or_else(|| Self::of_io_kind(error.kind()))
    }

    fn of_io_kind(kind: io::ErrorKind) -> Self {
        match kind {
            // Two errnos have this kind.
            io::ErrorKind::PermissionDenied => Self::EACCES,
            io::ErrorKind::Unsupported => Self::EOPNOTSUPP,
            io::ErrorKind::InvalidData => Self::EINVAL,
            io::ErrorKind::Other => Self::EIO,
            kind => {
                Self::ALL.iter().copied().find(|errno| errno.io_kind() == kind).unwrap_or(Self::EIO)
            }
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.name())
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_name_and_comes_back() {
        assert_eq!(Errno::ALL.len(), 131);
        for &errno in Errno::ALL {
            assert_eq!(Errno::from_raw_os_error(errno.raw_os_error()), Some(errno));
            assert!(errno.name().starts_with('E') && !errno.text().is_empty());
        }
        for none in [i32::MIN, -2, 0, 41, 58, 134, 255, 256, 258] {
            assert_eq!(Errno::from_raw_os_error(none), None);
        }
    }

    #[test]
    fn an_optional_errno_takes_one_byte() {
        assert_eq!(size_of::<Option<Errno>>(), 1);
    }

    #[test]
    fn kinds_of_the_standard_library_come_back() {
        for &errno in Errno::ALL {
            let back = Errno::of_io_kind(errno.io_kind());
            assert_eq!(
                back.io_kind(),
                if back == Errno::EIO { io::ErrorKind::Other } else { errno.io_kind() }
            );
        }
    }

    /// The standard library classifies the host's numbers itself, and the texts are the C library's.
    #[test]
    #[cfg(target_os = "linux")]
    fn kinds_and_texts_are_those_of_the_host() {
        for &errno in Errno::ALL {
            let host = io::Error::from_raw_os_error(errno.raw_os_error());
            // Kinds that a program has no stable name for.
            let unnamed = ["Uncategorized", "FilesystemLoop", "InProgress"];
            if errno.io_kind() != io::ErrorKind::Other
                || !unnamed.contains(&format!("{:?}", host.kind()).as_str())
            {
                assert_eq!(errno.io_kind(), host.kind(), "{errno}");
            }
            let text = host.to_string().to_lowercase();
            if cfg!(target_env = "gnu") {
                assert!(text.starts_with(&errno.text().to_lowercase()), "{errno}: {text}");
            }
            assert_eq!(Errno::of_io(&host), errno);
        }
    }
}
