// Namespaces, and a network device's addresses and routes: structures full of unions, and macros that Swift does not see.

#ifndef SANDSTORM_CLINUX_NETWORK_H
#define SANDSTORM_CLINUX_NETWORK_H

#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

// <sched.h>
int unshare(int flags);
int setns(int fd, int type);
#define SANDSTORM_CLONE_NEWNS 0x00020000
#define SANDSTORM_CLONE_NEWUSER 0x10000000
#define SANDSTORM_CLONE_NEWNET 0x40000000

static inline struct sockaddr sandstorm_ipv4(unsigned int address) {
    struct sockaddr result = {.sa_family = AF_INET};
    // After the port: network byte order.
    for (int i = 0; i < 4; i++) result.sa_data[2 + i] = (char)(address >> (24 - 8 * i));
    return result;
}

static inline struct ifreq sandstorm_ifreq(const char *name) {
    struct ifreq request = {0};
    for (int i = 0; i < IFNAMSIZ - 1 && name[i]; i++) request.ifr_name[i] = name[i];
    return request;
}

static inline int sandstorm_tap_create(int tun, const char *name) {
    struct ifreq request = sandstorm_ifreq(name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    return ioctl(tun, TUNSETIFF, &request);
}

static inline int sandstorm_tap_persist(int tun) { return ioctl(tun, TUNSETPERSIST, 1); }

// Of what leaves through the device, lets pass only what goes to one of two hardware addresses.
static inline int sandstorm_tap_filter(int tun, const unsigned char first[ETH_ALEN], const unsigned char second[ETH_ALEN]) {
    struct {
        struct tun_filter head;
        unsigned char addresses[2][ETH_ALEN];
    } filter = {.head = {.flags = 0, .count = 2}};
    for (int i = 0; i < ETH_ALEN; i++) {
        filter.addresses[0][i] = first[i];
        filter.addresses[1][i] = second[i];
    }
    // The kernel answers with the number of addresses that it compares whole.
    return ioctl(tun, TUNSETTXFILTER, &filter) == 2 ? 0 : -1;
}

static inline int sandstorm_link_up(int any, const char *name) {
    struct ifreq request = sandstorm_ifreq(name);
    if (ioctl(any, SIOCGIFFLAGS, &request) != 0) return -1;
    request.ifr_flags |= IFF_UP;
    return ioctl(any, SIOCSIFFLAGS, &request);
}

static inline int sandstorm_link_mtu(int any, const char *name, int mtu) {
    struct ifreq request = sandstorm_ifreq(name);
    request.ifr_mtu = mtu;
    return ioctl(any, SIOCSIFMTU, &request);
}

static inline int sandstorm_link_address(int any, const char *name, unsigned int address, unsigned int mask) {
    struct ifreq request = sandstorm_ifreq(name);
    request.ifr_addr = sandstorm_ipv4(address);
    if (ioctl(any, SIOCSIFADDR, &request) != 0) return -1;
    request.ifr_netmask = sandstorm_ipv4(mask);
    return ioctl(any, SIOCSIFNETMASK, &request);
}

// Without a gateway, what goes there is refused.
static inline int sandstorm_route(int any, unsigned int network, unsigned int mask, unsigned int gateway) {
    struct rtentry route = {0};
    route.rt_dst = sandstorm_ipv4(network);
    route.rt_genmask = sandstorm_ipv4(mask);
    route.rt_gateway = sandstorm_ipv4(gateway);
    route.rt_flags = RTF_UP | (gateway ? RTF_GATEWAY : RTF_REJECT);
    return ioctl(any, SIOCADDRT, &route);
}

static inline int sandstorm_refusal_remove(int any, unsigned int network, unsigned int mask) {
    struct rtentry route = {0};
    route.rt_dst = sandstorm_ipv4(network);
    route.rt_genmask = sandstorm_ipv4(mask);
    route.rt_gateway = sandstorm_ipv4(0);
    route.rt_flags = RTF_UP | RTF_REJECT;
    return ioctl(any, SIOCDELRT, &route);
}

static inline int sandstorm_link_down(int any, const char *name) {
    struct ifreq request = sandstorm_ifreq(name);
    if (ioctl(any, SIOCGIFFLAGS, &request) != 0) return -1;
    request.ifr_flags &= ~IFF_UP;
    return ioctl(any, SIOCSIFFLAGS, &request);
}

static inline int sandstorm_neighbour(int any, const char *name, unsigned int address, const unsigned char hardware[ETH_ALEN]) {
    struct arpreq entry = {.arp_flags = ATF_PERM | ATF_COM};
    entry.arp_pa = sandstorm_ipv4(address);
    entry.arp_ha.sa_family = ARPHRD_ETHER;
    for (int i = 0; i < ETH_ALEN; i++) entry.arp_ha.sa_data[i] = (char)hardware[i];
    for (int i = 0; i < 15 && name[i]; i++) entry.arp_dev[i] = name[i];
    return ioctl(any, SIOCSARP, &entry);
}

// The device file through which taps are made, for everyone.
static inline int sandstorm_make_tun(const char *path) { return mknod(path, S_IFCHR | 0666, makedev(10, 200)); }

#endif
