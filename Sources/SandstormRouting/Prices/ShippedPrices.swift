/// The price lists of the vendors as they were published, in the form that operators write too (docs/prices.md).
///
/// A figure changes here only together with its source and the date on which that was read.
let shippedPrices = #"""
    {
      "entries": {
        "e2b": {
          "title": "E2B sandbox",
          "sources": {
            "faq": {
              "text": "e2b.dev docs, FAQ \"calculate sandbox price\" (e2b-dev/docs, pull request 330)",
              "read": "2026-08-06", "certainty": "published"
            },
            "billing": {"text": "e2b.dev docs, billing page, undated", "read": "2026-04", "certainty": "published"}
          },
          "cpu": {"usd": "0.000014", "per": "second", "source": "faq"},
          "memory": {"usd": "0.0000045", "per": "second", "source": "faq"},
          "granularity": {"milliseconds": 1000, "source": "faq", "certainty": "uncertain"},
          "paused": {"charge": "free", "source": "faq"},
          "limits": {"cpu": 8, "cpuStep": 1, "memory": 8192, "disk": 20, "source": "billing"},
          "notes": [
            "Billed by what is allocated while it runs; paused and killed sandboxes are free.",
            "Disk is included: 10 GiB on Hobby, 20 GiB on Pro.",
            "Hobby has no base fee and $100 of credit once; Pro costs $150 a month.",
            "That time is billed in whole seconds is not said anywhere: prices are by the second."
          ]
        },
        "daytona": {
          "title": "Daytona sandbox",
          "sources": {
            "prices": {
              "text": "the vendor's price page as transcribed by api-evangelist/daytona-io", "read": "2026-05-25", "certainty": "published"
            },
            "limits": {"text": "Daytona docs v0.190.0, limits page", "read": "2026", "certainty": "published"}
          },
          "cpu": {"usd": "0.0504", "per": "hour", "source": "prices"},
          "memory": {"usd": "0.0162", "per": "hour", "source": "prices"},
          "disk": {"usd": "0.000108", "per": "hour", "source": "prices"},
          "freeDisk": {"gib": 5, "source": "prices"},
          "gpus": {
            "H100": {"usd": "3.95", "per": "hour", "source": "prices"},
            "RTX-PRO-6000": {"usd": "3.03", "per": "hour", "source": "prices"}
          },
          "granularity": {"milliseconds": 1000, "source": "prices"},
          "regions": {
            "us": {"multiplier": "1", "source": "limits", "certainty": "uncertain"},
            "eu": {"multiplier": "1", "source": "limits", "certainty": "uncertain"}
          },
          "limits": {"cpu": 4, "cpuStep": 1, "memory": 8192, "memoryStep": 1024, "disk": 10, "source": "limits"},
          "limitsWithGpu": {"cpu": 16, "cpuStep": 1, "memory": 196608, "memoryStep": 1024, "disk": 512, "source": "limits"},
          "notes": [
            "Prepaid; $200 of credit once at signup. Usage may be posted up to 48 hours later.",
            "Prices after May 2026 were not seen. That both shared regions cost the same is taken from the price page naming none.",
            "Other types of GPU have no known price."
          ]
        },
        "modal": {
          "title": "Modal sandbox",
          "sources": {
            "prices": {
              "text": "public code that quotes modal.com/pricing, checked 2026-09-13 and 2026-10-08, at least five files in agreement",
              "read": "2026-10-08", "certainty": "published"
            },
            "gpus": {"text": "public text that quotes modal.com/pricing, mid to late 2026", "read": "2026-05-07", "certainty": "published"},
            "resources": {"text": "modal.com/docs/guide/sandbox-resources, undated copy", "read": "2026", "certainty": "published"},
            "defaults": {"text": "modal.com/docs/guide/resources and quotes of it", "read": "2026", "certainty": "uncertain"},
            "regions": {
              "text": "modal.com/docs/guide/region-selection, undated copy, and beam.cloud; others quote 1.15 for broad regions",
              "read": "2026-06-27", "certainty": "uncertain"
            }
          },
          "cpu": {"usd": "0.00003942", "per": "second", "vcpus": 2, "source": "prices"},
          "memory": {"usd": "0.00000667", "per": "second", "source": "prices"},
          "gpus": {
            "T4": {"usd": "0.000164", "per": "second", "source": "gpus"},
            "L4": {"usd": "0.000222", "per": "second", "source": "gpus"},
            "A10": {"usd": "0.000306", "per": "second", "source": "gpus"},
            "L40S": {"usd": "0.000542", "per": "second", "source": "gpus"},
            "A100-40GB": {"usd": "0.000583", "per": "second", "source": "gpus"},
            "A100-80GB": {"usd": "0.000694", "per": "second", "source": "gpus"},
            "H100": {"usd": "0.001097", "per": "second", "source": "gpus"},
            "H200": {"usd": "0.001261", "per": "second", "source": "gpus"},
            "B200": {"usd": "0.001736", "per": "second", "source": "gpus"},
            "B300": {"usd": "0.001972", "per": "second", "source": "gpus"}
          },
          "granularity": {"milliseconds": 1000, "source": "resources"},
          "regions": {
            "us": {"multiplier": "1.5", "source": "regions"},
            "us-west": {"multiplier": "1.75", "source": "regions"}
          },
          "limits": {"leastCpu": 0.25, "leastMemory": 128, "source": "defaults"},
          "notes": [
            "One physical core is two vCPUs.",
            "Billed is the larger of what was requested and what was used: bursting above the request costs more than is shown.",
            "Broad regions such as us cost one multiple, narrow ones such as us-west another; sources disagree on the first (1.5 or 1.15).",
            "Nothing is known of a price for disk. Older quotes have $0.00000672 for a GiB and second of memory.",
            "The provider's own WorkspaceBillingRates call is the better source."
          ]
        },
        "modal.function": {
          "title": "Modal function",
          "kind": "function",
          "sources": {
            "prices": {
              "text": "public code that quotes modal.com/pricing, and beam.cloud of 2026-06-27", "read": "2026-06-27",
              "certainty": "published"
            },
            "gpus": {"text": "public text that quotes modal.com/pricing, mid to late 2026", "read": "2026-05-07", "certainty": "published"},
            "resources": {"text": "modal.com/docs/guide/sandbox-resources, undated copy", "read": "2026", "certainty": "published"},
            "defaults": {"text": "modal.com/docs/guide/resources and quotes of it", "read": "2026", "certainty": "uncertain"},
            "regions": {
              "text": "modal.com/docs/guide/region-selection, undated copy, and beam.cloud; others quote 1.15 for broad regions",
              "read": "2026-06-27", "certainty": "uncertain"
            }
          },
          "cpu": {"usd": "0.0000131", "per": "second", "vcpus": 2, "source": "prices"},
          "memory": {"usd": "0.00000222", "per": "second", "source": "prices"},
          "gpus": {
            "T4": {"usd": "0.000164", "per": "second", "source": "gpus"},
            "L4": {"usd": "0.000222", "per": "second", "source": "gpus"},
            "A10": {"usd": "0.000306", "per": "second", "source": "gpus"},
            "L40S": {"usd": "0.000542", "per": "second", "source": "gpus"},
            "A100-40GB": {"usd": "0.000583", "per": "second", "source": "gpus"},
            "A100-80GB": {"usd": "0.000694", "per": "second", "source": "gpus"},
            "H100": {"usd": "0.001097", "per": "second", "source": "gpus"},
            "H200": {"usd": "0.001261", "per": "second", "source": "gpus"},
            "B200": {"usd": "0.001736", "per": "second", "source": "gpus"},
            "B300": {"usd": "0.001972", "per": "second", "source": "gpus"}
          },
          "granularity": {"milliseconds": 1000, "source": "resources", "certainty": "uncertain"},
          "regions": {
            "us": {"multiplier": "1.5", "source": "regions"},
            "us-west": {"multiplier": "1.75", "source": "regions"}
          },
          "limits": {"leastCpu": 0.25, "leastMemory": 128, "source": "defaults"},
          "notes": [
            "One physical core is two vCPUs. A function is no sandbox: it is here for comparison, about a third of a sandbox's price.",
            "Functions that may not be preempted cost three times as much (release notes 1.2.3, 2025-11-20)."
          ]
        },
        "morph": {
          "title": "Morph instance",
          "unpublished": "the vendor publishes no price for a vCPU, a GiB or disk, and tells what was spent only afterwards",
          "notes": [
            "The Developer plan has 300 free compute hours a month, then pay as you go (FAQ, undated).",
            "CPU, memory and disk are billed by time; snapshots and paused instances cost storage."
          ]
        },
        "kubernetes": {
          "title": "Your own Kubernetes", "kind": "machine",
          "unpublished": "what a node costs is yours to say: machine, with the price of a node-hour and what a node holds"
        },
        "bare-metal": {
          "title": "Your own machines", "kind": "machine",
          "unpublished": "what a machine costs is yours to say: machine, with its purchase over months, its running cost, or \"free\": true"
        },
        "edge": {
          "title": "Your own edge machines", "kind": "machine",
          "unpublished": "what a machine costs is yours to say: machine, with its purchase over months, its running cost, or \"free\": true"
        },
        "apple-container": {
          "title": "Your own Macs", "kind": "machine",
          "unpublished": "what a machine costs is yours to say: machine, with its purchase over months, its running cost, or \"free\": true"
        }
      }
    }
    """#
