"""EC2's names, as data.

EC2 prints the operations of its SOAP age (up to API version 2014-10-01) with the names of that interface, `instancesSet`, and the
younger ones as the XML they arrive as. Names: seen in delivered files, else the element names of the SOAP interface.
"""

from __future__ import annotations

_SOAP_AGE = """
    AcceptVpcPeeringConnection AllocateAddress AssignPrivateIpAddresses AssociateAddress AssociateDhcpOptions AssociateRouteTable
    AttachClassicLinkVpc AttachInternetGateway AttachNetworkInterface AttachVolume AttachVpnGateway AuthorizeSecurityGroupEgress
    AuthorizeSecurityGroupIngress BundleInstance CancelBundleTask CancelConversionTask CancelExportTask CancelReservedInstancesListing
    CancelSpotInstanceRequests ConfirmProductInstance CopyImage CopySnapshot CreateCustomerGateway CreateDhcpOptions CreateImage
    CreateInstanceExportTask CreateInternetGateway CreateKeyPair CreateNetworkAcl CreateNetworkAclEntry CreateNetworkInterface
    CreatePlacementGroup CreateReservedInstancesListing CreateRoute CreateRouteTable CreateSecurityGroup CreateSnapshot
    CreateSpotDatafeedSubscription CreateSubnet CreateTags CreateVolume CreateVpc CreateVpcPeeringConnection CreateVpnConnection
    CreateVpnConnectionRoute CreateVpnGateway DeleteCustomerGateway DeleteDhcpOptions DeleteInternetGateway DeleteKeyPair DeleteNetworkAcl
    DeleteNetworkAclEntry DeleteNetworkInterface DeletePlacementGroup DeleteRoute DeleteRouteTable DeleteSecurityGroup DeleteSnapshot
    DeleteSpotDatafeedSubscription DeleteSubnet DeleteTags DeleteVolume DeleteVpc DeleteVpcPeeringConnection DeleteVpnConnection
    DeleteVpnConnectionRoute DeleteVpnGateway DeregisterImage DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones
    DescribeBundleTasks DescribeClassicLinkInstances DescribeConversionTasks DescribeCustomerGateways DescribeDhcpOptions
    DescribeExportTasks DescribeImageAttribute DescribeImages DescribeInstanceAttribute DescribeInstanceStatus DescribeInstances
    DescribeInternetGateways DescribeKeyPairs DescribeNetworkAcls DescribeNetworkInterfaceAttribute DescribeNetworkInterfaces
    DescribePlacementGroups DescribeRegions DescribeReservedInstances DescribeReservedInstancesListings
    DescribeReservedInstancesModifications DescribeReservedInstancesOfferings DescribeRouteTables DescribeSecurityGroups
    DescribeSnapshotAttribute DescribeSnapshots DescribeSpotDatafeedSubscription DescribeSpotInstanceRequests DescribeSpotPriceHistory
    DescribeSubnets DescribeTags DescribeVolumeAttribute DescribeVolumeStatus DescribeVolumes DescribeVpcAttribute DescribeVpcClassicLink
    DescribeVpcPeeringConnections DescribeVpcs DescribeVpnConnections DescribeVpnGateways DetachClassicLinkVpc DetachInternetGateway
    DetachNetworkInterface DetachVolume DetachVpnGateway DisableVgwRoutePropagation DisableVpcClassicLink DisassociateAddress
    DisassociateRouteTable EnableVgwRoutePropagation EnableVolumeIO EnableVpcClassicLink GetConsoleOutput GetPasswordData ImportInstance
    ImportKeyPair ImportVolume ModifyImageAttribute ModifyInstanceAttribute ModifyNetworkInterfaceAttribute ModifyReservedInstances
    ModifySnapshotAttribute ModifySubnetAttribute ModifyVolumeAttribute ModifyVpcAttribute MonitorInstances
    PurchaseReservedInstancesOffering RebootInstances RegisterImage RejectVpcPeeringConnection ReleaseAddress ReplaceNetworkAclAssociation
    ReplaceNetworkAclEntry ReplaceRoute ReplaceRouteTableAssociation ReportInstanceStatus RequestSpotInstances ResetImageAttribute
    ResetInstanceAttribute ResetNetworkInterfaceAttribute ResetSnapshotAttribute RevokeSecurityGroupEgress RevokeSecurityGroupIngress
    RunInstances StartInstances StopInstances TerminateInstances UnassignPrivateIpAddresses UnmonitorInstances
"""
SOAP_AGE = frozenset(_SOAP_AGE.split())
"""Operations that print the old names."""

SETS: dict[str, tuple[str, str]] = {
    # list member of a request → name of its set, name of each item's content ("" when the items are structures)
    "Add": ("add", ""),
    "AllocationIds": ("allocationIdsSet", "allocationId"),
    "AttributeNames": ("accountAttributeNameSet", "attributeName"),
    "BlockDeviceMappings": ("blockDeviceMapping", ""),
    "BundleIds": ("bundlesSet", "bundleId"),
    "ConversionTaskIds": ("conversionTaskIdSet", "conversionTaskId"),
    "CustomerGatewayIds": ("customerGatewaySet", "customerGatewayId"),
    "DhcpConfigurations": ("dhcpConfigurationSet", ""),
    "DhcpOptionsIds": ("dhcpOptionsSet", "dhcpOptionsId"),
    "DiskImages": ("diskImageSet", ""),
    "ExecutableUsers": ("executableBySet", "user"),
    "ExportTaskIds": ("exportTaskIdSet", "exportTaskId"),
    "Filters": ("filterSet", ""),
    "GroupIds": ("securityGroupIdSet", "groupId"),
    "GroupNames": ("securityGroupSet", "groupName"),
    "Groups": ("groupSet", "groupId"),
    "ImageIds": ("imagesSet", "imageId"),
    "InstanceIds": ("instancesSet", "instanceId"),
    "InstanceTypes": ("instanceTypeSet", "instanceType"),
    "Instances": ("instancesSet", "instanceId"),
    "InternetGatewayIds": ("internetGatewayIdSet", "internetGatewayId"),
    "IpPermissions": ("ipPermissions", ""),
    "IpRanges": ("ipRanges", ""),
    "Ipv6Ranges": ("ipv6Ranges", ""),
    "KeyNames": ("keySet", "keyName"),
    "KeyPairIds": ("keyPairIdSet", "keyPairId"),
    "NetworkAclIds": ("networkAclIdSet", "networkAclId"),
    "NetworkInterfaceIds": ("networkInterfaceIdSet", "networkInterfaceId"),
    "NetworkInterfaces": ("networkInterfaceSet", ""),
    "OwnerIds": ("ownersSet", "owner"),
    "Owners": ("ownersSet", "owner"),
    "PrefixListIds": ("prefixListIds", ""),
    "PrivateIpAddresses": ("privateIpAddressesSet", "privateIpAddress"),
    "ProductCodes": ("productCodes", "productCode"),
    "ProductDescriptions": ("productDescriptionSet", "productDescription"),
    "PublicIps": ("publicIpsSet", "publicIp"),
    "ReasonCodes": ("reasonCodesSet", "reasonCode"),
    "RegionNames": ("regionSet", "regionName"),
    "Remove": ("remove", ""),
    "ReservedInstancesIds": ("reservedInstancesSet", "reservedInstancesId"),
    "ReservedInstancesOfferingIds": ("reservedInstancesOfferingsSet", "reservedInstancesOfferingId"),
    "Resources": ("resourcesSet", "resourceId"),
    "RestorableByUserIds": ("sharedUsersSet", "user"),
    "RouteTableIds": ("routeTableIdSet", "routeTableId"),
    "SecurityGroupIds": ("groupSet", "groupId"),
    "SecurityGroups": ("groupSet", "groupName"),
    "SnapshotIds": ("snapshotSet", "snapshotId"),
    "SpotInstanceRequestIds": ("spotInstanceRequestIdSet", "spotInstanceRequestId"),
    "SubnetIds": ("subnetSet", "subnetId"),
    "TagSpecifications": ("tagSpecificationSet", ""),
    "Tags": ("tagSet", ""),
    "UserIdGroupPairs": ("groups", ""),
    "Values": ("valueSet", "value"),
    "VolumeIds": ("volumeSet", "volumeId"),
    "VpcIds": ("vpcSet", "vpcId"),
    "VpcPeeringConnectionIds": ("vpcPeeringConnectionIdSet", "vpcPeeringConnectionId"),
    "VpnConnectionIds": ("vpnConnectionSet", "vpnConnectionId"),
    "VpnGatewayIds": ("vpnGatewaySet", "vpnGatewayId"),
    "ZoneIds": ("availabilityZoneIdSet", "zoneId"),
    "ZoneNames": ("availabilityZoneSet", "zoneName"),
}

OPERATION_SETS: dict[str, dict[str, tuple[str, str]]] = {
    "DescribePlacementGroups": {"GroupNames": ("placementGroupSet", "groupName"), "GroupIds": ("placementGroupIdSet", "groupId")},
}

ITEM_KEYS: dict[str, str] = {"DescribeVpcClassicLink": "item"}
"""Operations whose sets hold `item` in place of `items` (seen)."""

ALWAYS: dict[str, dict[str, object]] = {
    # what is printed even when it was not sent (seen)
    "AuthorizeSecurityGroupEgress": {"ipPermissions": {}},
    "AuthorizeSecurityGroupIngress": {"ipPermissions": {}},
    "CreateNetworkInterface": {"groupSet": {}, "privateIpAddressesSet": {}},
    "DeleteSnapshot": {"force": False},
    "DeleteVolume": {"reportVolumeFailure": False},
    "DescribeAccountAttributes": {"accountAttributeNameSet": {}, "filterSet": {}},
    "DescribeInstanceStatus": {"includeAllInstances": False},
    "DescribeKeyPairs": {"includePublicKey": False},
    "RevokeSecurityGroupEgress": {"ipPermissions": {}},
    "RevokeSecurityGroupIngress": {"ipPermissions": {}},
    "RunInstances": {
        "blockDeviceMapping": {}, "monitoring": {"enabled": False}, "disableApiTermination": False, "disableApiStop": False,
    },
}  # fmt: skip

FILTER_ONLY_WHEN_SENT = frozenset({"DescribeAvailabilityZones", "DescribeRegions"})
"""Describe operations that print no empty `filterSet` (seen)."""

NOT_PRINTED: dict[str, frozenset[str]] = {
    # request members that do not show (seen: DescribeVpcAttribute)
    "DescribeVpcAttribute": frozenset({"Attribute"}),
    "ModifyImageAttribute": frozenset({"Attribute", "OperationType"}),
    "ModifySnapshotAttribute": frozenset({"Attribute", "OperationType"}),
}

RENAMED: dict[str, dict[str, str]] = {
    # printed name → name CloudTrail uses (seen)
    "CreateVolume": {"availabilityZone": "zone"},
}

AS_TEXT: dict[str, frozenset[str]] = {
    # whole numbers printed as text (seen)
    "CreateVolume": frozenset({"size"}),
    "CreateSnapshot": frozenset({"volumeSize"}),
}

TRUE_TOO = frozenset({"CreateSecurityGroup"})
"""Operations that answer `_return` beside a result whose model does not have it (seen)."""

RESULT_ITEM_KEYS = frozenset({("CreateNetworkInterface", "privateIpAddressesSet")})
"""Sets of results that hold `item` in place of `items` (seen)."""

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
