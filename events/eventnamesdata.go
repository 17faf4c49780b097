package events

// knownServices are the services whose events the catalogue's modules are about, by label. The names are those of the
// API references (docs.aws.amazon.com/SERVICE/latest/APIReference), as of November 2026, with the other names that
// CloudTrail writes and with those that no API has, from:
//   - https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
//   - https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
//   - https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
//   - https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
//   - https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/logging-using-cloudtrail.html
//   - https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
//   - https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
//
// Two calls of S3 are here under two names, since the documentation and real records disagree.
var knownServices = [...]knownService{
	{
		label: "access-analyzer", complete: true,
		writes: `
			ApplyArchiveRule CancelPolicyGeneration CheckAccessNotGranted CheckNoNewAccess CheckNoPublicAccess
			CreateAccessPreview CreateAnalyzer CreateArchiveRule CreateServiceLinkedAnalyzer DeleteAnalyzer DeleteArchiveRule
			DeleteServiceLinkedAnalyzer GenerateFindingRecommendation StartPolicyGeneration StartResourceScan TagResource
			UntagResource UpdateAnalyzer UpdateArchiveRule UpdateFindings ValidatePolicy`,
	},
	{
		label: "account", complete: true,
		writes: `
			AcceptPrimaryEmailUpdate DeleteAlternateContact DisableRegion EnableRegion PutAccountName PutAlternateContact
			PutContactInformation SendPhoneNumberVerification StartPrimaryEmailUpdate VerifyPhoneNumber`,
	},
	{
		label: "cloudformation", complete: true,
		writes: `
			ActivateOrganizationsAccess ActivateType BatchDescribeTypeConfigurations CancelUpdateStack ContinueUpdateRollback
			CreateChangeSet CreateGeneratedTemplate CreateStack CreateStackInstances CreateStackRefactor CreateStackSet
			DeactivateOrganizationsAccess DeactivateType DeleteChangeSet DeleteGeneratedTemplate DeleteStack
			DeleteStackInstances DeleteStackSet DeregisterType DetectStackDrift DetectStackResourceDrift DetectStackSetDrift
			EstimateTemplateCost ExecuteChangeSet ExecuteStackRefactor ImportStacksToStackSet PublishType
			RecordHandlerProgress RegisterPublisher RegisterType RemoveAlias RollbackStack SetAlias SetStackPolicy
			SetTypeConfiguration SetTypeDefaultVersion SignalResource StartResourceScan StopStackSetOperation TestType
			UpdateGeneratedTemplate UpdateStack UpdateStackInstances UpdateStackSet UpdateTerminationProtection
			ValidateTemplate`,
	},
	{
		label: "cloudtrail", complete: true,
		writes: `
			AddTags CancelQuery CreateChannel CreateDashboard CreateEventDataStore CreateTrail DeleteChannel DeleteDashboard
			DeleteEventDataStore DeleteResourcePolicy DeleteTrail DeregisterOrganizationDelegatedAdmin DisableFederation
			EnableFederation GenerateQuery LookupEvents PutEventConfiguration PutEventSelectors PutInsightSelectors
			PutResourcePolicy RegisterOrganizationDelegatedAdmin RemoveTags RestoreEventDataStore SearchSampleQueries
			StartDashboardRefresh StartEventDataStoreIngestion StartImport StartLogging StartQuery
			StopEventDataStoreIngestion StopImport StopLogging UpdateChannel UpdateDashboard UpdateEventDataStore UpdateTrail`,
	},
	{
		label: "config", complete: true,
		writes: `
			AssociateResourceTypes BatchGetAggregateResourceConfig BatchGetResourceConfig DeleteAggregationAuthorization
			DeleteConfigRule DeleteConfigurationAggregator DeleteConfigurationRecorder DeleteConformancePack DeleteConnector
			DeleteDeliveryChannel DeleteEvaluationResults DeleteOrganizationConfigRule DeleteOrganizationConformancePack
			DeletePendingAggregationRequest DeleteRemediationConfiguration DeleteRemediationExceptions DeleteResourceConfig
			DeleteRetentionConfiguration DeleteServiceLinkedConfigurationRecorder DeleteStoredQuery DeliverConfigSnapshot
			DisassociateResourceTypes PutAggregationAuthorization PutConfigRule PutConfigurationAggregator
			PutConfigurationRecorder PutConformancePack PutConnector PutDeliveryChannel PutEvaluations PutExternalEvaluation
			PutOrganizationConfigRule PutOrganizationConformancePack PutRemediationConfigurations PutRemediationExceptions
			PutResourceConfig PutRetentionConfiguration PutServiceLinkedConfigurationRecorder PutStoredQuery
			PutThirdPartyServiceLinkedConfigurationRecorder SelectAggregateResourceConfig SelectResourceConfig
			StartConfigRulesEvaluation StartConfigurationRecorder StartRemediationExecution StartResourceEvaluation
			StopConfigurationRecorder TagResource UntagResource`,
	},
	{
		label: "dynamodb", complete: true,
		writes: `
			CancelBulkOperation CreateBackup CreateGlobalTable CreateTable DeleteBackup DeleteResourcePolicy DeleteTable
			DisableKinesisStreamingDestination EnableKinesisStreamingDestination ExportTableToPointInTime ImportTable
			PutResourcePolicy RestoreTableFromBackup RestoreTableToPointInTime StartBulkPutItems TagResource UntagResource
			UpdateContinuousBackups UpdateContributorInsights UpdateGlobalTable UpdateGlobalTableSettings
			UpdateKinesisStreamingDestination UpdateTable UpdateTableReplicaAutoScaling UpdateTimeToLive`,
		data: `
			BatchExecuteStatement BatchGetItem BatchWriteItem DeleteItem ExecuteStatement ExecuteTransaction GetItem
			GetRecords GetShardIterator PutItem Query Scan SearchVectors TransactGetItems TransactWriteItems UpdateItem`,
	},
	{
		label:  "ebs",
		writes: `CompleteSnapshot StartSnapshot`,
		data:   `GetSnapshotBlock ListChangedBlocks ListSnapshotBlocks PutSnapshotBlock`,
	},
	{
		label: "ec2", complete: true,
		writes: ec2Writes,
	},
	{
		label: "ecr", complete: true,
		writes: `
			BatchCheckLayerAvailability BatchDeleteImage BatchGetImage BatchGetRepositoryScanningConfiguration
			CompleteLayerUpload CreatePullThroughCacheRule CreateRepository CreateRepositoryCreationTemplate
			DeleteLifecyclePolicy DeletePullThroughCacheRule DeleteRegistryPolicy DeleteRepository
			DeleteRepositoryCreationTemplate DeleteRepositoryPolicy DeleteSigningConfiguration
			DeregisterPullTimeUpdateExclusion InitiateLayerUpload PutAccountSetting PutImage PutImageScanningConfiguration
			PutImageTagMutability PutLifecyclePolicy PutRegistryPolicy PutRegistryScanningConfiguration
			PutReplicationConfiguration PutSigningConfiguration RegisterPullTimeUpdateExclusion SetRepositoryPolicy
			StartImageScan StartLifecyclePolicyPreview StartReplicationBackfill StopReplicationBackfill TagResource
			UntagResource UpdateImageStorageClass UpdatePullThroughCacheRule UpdateRepositoryCreationTemplate UploadLayerPart
			ValidatePullThroughCacheRule`,
	},
	{
		label: "elasticloadbalancing", complete: true,
		writes: `
			AddListenerCertificates AddTags AddTrustStoreRevocations ApplySecurityGroupsToLoadBalancer
			AttachLoadBalancerToSubnets ConfigureHealthCheck CreateAppCookieStickinessPolicy CreateLBCookieStickinessPolicy
			CreateListener CreateLoadBalancer CreateLoadBalancerListeners CreateLoadBalancerPolicy CreateRule
			CreateTargetGroup CreateTrustStore DeleteListener DeleteLoadBalancer DeleteLoadBalancerListeners
			DeleteLoadBalancerPolicy DeleteRule DeleteSharedTrustStoreAssociation DeleteTargetGroup DeleteTrustStore
			DeregisterInstancesFromLoadBalancer DeregisterTargets DetachLoadBalancerFromSubnets
			DisableAvailabilityZonesForLoadBalancer EnableAvailabilityZonesForLoadBalancer ModifyCapacityReservation
			ModifyIpPools ModifyListener ModifyListenerAttributes ModifyLoadBalancerAttributes ModifyRule ModifyTargetGroup
			ModifyTargetGroupAttributes ModifyTrustStore RegisterInstancesWithLoadBalancer RegisterTargets
			RemoveListenerCertificates RemoveTags RemoveTrustStoreRevocations SetIpAddressType
			SetLoadBalancerListenerSSLCertificate SetLoadBalancerPoliciesForBackendServer SetLoadBalancerPoliciesOfListener
			SetRulePriorities SetSecurityGroups SetSubnets`,
	},
	{
		label: "events", complete: true,
		writes: `
			ActivateEventSource CancelReplay CreateApiDestination CreateArchive CreateConnection CreateEndpoint
			CreateEventBus CreatePartnerEventSource DeactivateEventSource DeauthorizeConnection DeleteApiDestination
			DeleteArchive DeleteConnection DeleteEndpoint DeleteEventBus DeletePartnerEventSource DeleteRule DisableRule
			EnableRule PutEvents PutPartnerEvents PutPermission PutRule PutTargets RemovePermission RemoveTargets StartReplay
			TagResource TestEventPattern UntagResource UpdateApiDestination UpdateArchive UpdateConnection UpdateEndpoint
			UpdateEventBus`,
	},
	{
		label: "guardduty", complete: true,
		writes: `
			AcceptAdministratorInvitation AcceptInvitation ArchiveFindings CreateCustomDetectionRuleAssociation
			CreateCustomDetectionRuleOrgConfiguration CreateDetector CreateFilter CreateIPSet CreateInvestigation
			CreateMalwareProtectionPlan CreateMembers CreatePublishingDestination CreateSampleFindings CreateThreatEntitySet
			CreateThreatIntelSet CreateTrustedEntitySet DeclineInvitations DeleteCustomDetectionRuleAssociation
			DeleteCustomDetectionRuleOrgConfiguration DeleteDetector DeleteFilter DeleteIPSet DeleteInvitations
			DeleteMalwareProtectionPlan DeleteMembers DeletePublishingDestination DeleteThreatEntitySet DeleteThreatIntelSet
			DeleteTrustedEntitySet DisableOrganizationAdminAccount DisassociateFromAdministratorAccount
			DisassociateFromMasterAccount DisassociateMembers EnableOrganizationAdminAccount InviteMembers
			SendObjectMalwareScan StartMalwareScan StartMonitoringMembers StopMonitoringMembers TagResource UnarchiveFindings
			UntagResource UpdateCustomDetectionRuleAssociation UpdateCustomDetectionRuleOrgConfiguration UpdateDetector
			UpdateFilter UpdateFindingsFeedback UpdateIPSet UpdateMalwareProtectionPlan UpdateMalwareScanSettings
			UpdateMemberDetectors UpdateOrganizationConfiguration UpdatePublishingDestination UpdateThreatEntitySet
			UpdateThreatIntelSet UpdateTrustedEntitySet`,
	},
	{
		label: "iam", complete: true,
		writes: `
			AcceptDelegationRequest AcquireRole AddClientIDToOpenIDConnectProvider AddRoleToInstanceProfile AddUserToGroup
			AssociateDelegationRequest AttachGroupPolicy AttachRolePolicy AttachUserPolicy ChangePassword CreateAccessKey
			CreateAccountAlias CreateDelegationRequest CreateGroup CreateInstanceProfile CreateLoginProfile
			CreateOpenIDConnectProvider CreatePolicy CreatePolicyVersion CreateRole CreateSAMLProvider
			CreateServiceLinkedRole CreateServiceSpecificCredential CreateUser CreateVirtualMFADevice DeactivateMFADevice
			DeleteAccessKey DeleteAccountAlias DeleteAccountPasswordPolicy DeleteGroup DeleteGroupPolicy
			DeleteInstanceProfile DeleteLoginProfile DeleteOpenIDConnectProvider DeletePolicy DeletePolicyVersion DeleteRole
			DeleteRolePermissionsBoundary DeleteRolePolicy DeleteSAMLProvider DeleteSSHPublicKey DeleteServerCertificate
			DeleteServiceLinkedRole DeleteServiceSpecificCredential DeleteSigningCertificate DeleteUser
			DeleteUserPermissionsBoundary DeleteUserPolicy DeleteVirtualMFADevice DetachGroupPolicy DetachRolePolicy
			DetachUserPolicy DisableOrganizationsRootCredentialsManagement DisableOrganizationsRootSessions
			DisableOutboundWebIdentityFederation EnableMFADevice EnableOrganizationsRootCredentialsManagement
			EnableOrganizationsRootSessions EnableOutboundWebIdentityFederation GenerateCredentialReport
			GenerateOrganizationsAccessReport GenerateServiceLastAccessedDetails PutAccountProperties PutGroupPolicy
			PutRolePermissionsBoundary PutRolePolicy PutUserPermissionsBoundary PutUserPolicy RejectDelegationRequest
			RemoveClientIDFromOpenIDConnectProvider RemoveRoleFromInstanceProfile RemoveUserFromGroup
			ResetServiceSpecificCredential ResyncMFADevice SendDelegationToken SetDefaultPolicyVersion
			SetSecurityTokenServicePreferences SimulateCustomPolicy SimulatePrincipalPolicy TagInstanceProfile TagMFADevice
			TagOpenIDConnectProvider TagPolicy TagRole TagSAMLProvider TagServerCertificate TagUser UntagInstanceProfile
			UntagMFADevice UntagOpenIDConnectProvider UntagPolicy UntagRole UntagSAMLProvider UntagServerCertificate
			UntagUser UpdateAccessKey UpdateAccountPasswordPolicy UpdateAssumeRolePolicy UpdateDelegationRequest UpdateGroup
			UpdateLoginProfile UpdateOpenIDConnectProviderThumbprint UpdateRole UpdateRoleDescription UpdateSAMLProvider
			UpdateSSHPublicKey UpdateServerCertificate UpdateServiceSpecificCredential UpdateSigningCertificate UpdateUser
			UploadSSHPublicKey UploadServerCertificate UploadSigningCertificate`,
	},
	{
		label: "inspector2", complete: true,
		writes: `
			AssociateMember BatchAssociateCodeSecurityScanConfiguration BatchDisassociateCodeSecurityScanConfiguration
			BatchGetAccountStatus BatchGetCodeSnippet BatchGetFindingDetails BatchGetFreeTrialInfo
			BatchGetMemberEc2DeepInspectionStatus BatchUpdateMemberEc2DeepInspectionStatus CancelFindingsReport
			CancelSbomExport CreateCisScanConfiguration CreateCodeSecurityIntegration CreateCodeSecurityScanConfiguration
			CreateConnector CreateFilter CreateFindingsReport CreateSbomExport DeleteCisScanConfiguration
			DeleteCodeSecurityIntegration DeleteCodeSecurityScanConfiguration DeleteConnector DeleteFilter Disable
			DisableDelegatedAdminAccount DisassociateMember Enable EnableDelegatedAdminAccount ResetEncryptionKey
			SearchVulnerabilities SendCisSessionHealth SendCisSessionTelemetry StartCisSession StartCodeSecurityScan
			StartOnDemandScan StopCisSession TagResource UntagResource UpdateCisScanConfiguration
			UpdateCodeSecurityIntegration UpdateCodeSecurityScanConfiguration UpdateConfiguration UpdateConnector
			UpdateConnectorScanConfiguration UpdateEc2DeepInspectionConfiguration UpdateEncryptionKey UpdateFilter
			UpdateOrgEc2DeepInspectionConfiguration UpdateOrganizationConfiguration`,
	},
	{
		label: "kinesis",
		data:  `GetRecords GetShardIterator PutRecord PutRecords SubscribeToShard`,
	},
	{
		label: "kms", complete: true,
		writes: `
			CancelKeyDeletion ConnectCustomKeyStore CreateAlias CreateCustomKeyStore CreateGrant CreateKey Decapsulate
			Decrypt DeleteAlias DeleteCustomKeyStore DeleteExpiredKeyMaterial DeleteImportedKeyMaterial DeleteKey
			DeriveSharedSecret DisableKey DisableKeyRotation DisconnectCustomKeyStore EnableKey EnableKeyRotation Encapsulate
			Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext
			GenerateMac GenerateRandom ImportKeyMaterial PutKeyPolicy ReEncrypt ReplicateKey RetireGrant RevokeGrant
			RotateKey RotateKeyOnDemand ScheduleKeyDeletion Sign SynchronizeMultiRegionKey TagResource UntagResource
			UpdateAlias UpdateCustomKeyStore UpdateKeyDescription UpdatePrimaryRegion Verify VerifyMac`,
	},
	{
		label: "lambda", complete: true,
		writes: `
			AddLayerVersionPermission AddPermission20150331 AddPermission20150331v2 CreateAlias20150331
			CreateCapacityProvider CreateCodeSigningConfig CreateEventSourceMapping20150331 CreateFunction20150331
			CreateFunctionUrlConfig DeleteAlias20150331 DeleteCapacityProvider DeleteCodeSigningConfig DeleteDurableExecution
			DeleteEventSourceMapping20150331 DeleteFunction20150331 DeleteFunctionCodeSigningConfig
			DeleteFunctionConcurrency20171031 DeleteFunctionEventInvokeConfig DeleteFunctionUrlConfig DeleteLayerVersion
			DeleteLayerVersion20181031 DeleteProvisionedConcurrencyConfig DeleteResourcePolicy PauseDurableExecution
			PublishLayerVersion20181031 PublishVersion20150331 PutFunctionCodeSigningConfig PutFunctionConcurrency20171031
			PutFunctionEventInvokeConfig PutFunctionRecursionConfig PutFunctionScalingConfig PutProvisionedConcurrencyConfig
			PutResourcePolicy PutRuntimeManagementConfig RemoveLayerVersionPermission RemovePermission20150331
			RemovePermission20150331v2 ResumeDurableExecution StopDurableExecution TagResource20170331v2
			UntagResource20170331v2 UpdateAlias20150331 UpdateCapacityProvider UpdateCodeSigningConfig
			UpdateEventSourceMapping20150331 UpdateFunctionCode20150331v2 UpdateFunctionConfiguration20150331v2
			UpdateFunctionEventInvokeConfig UpdateFunctionUrlConfig`,
		data: `
			CheckpointDurableExecution Invoke InvokeAsync InvokeWithResponseStream LambdaESMDisabled
			SendDurableExecutionCallbackFailure SendDurableExecutionCallbackHeartbeat SendDurableExecutionCallbackSuccess`,
		renamed: `
			AddPermission=AddPermission20150331v2 CreateAlias=CreateAlias20150331
			CreateEventSourceMapping=CreateEventSourceMapping20150331 CreateFunction=CreateFunction20150331
			DeleteAlias=DeleteAlias20150331 DeleteEventSourceMapping=DeleteEventSourceMapping20150331
			DeleteFunction=DeleteFunction20150331 DeleteFunctionConcurrency=DeleteFunctionConcurrency20171031
			PublishLayerVersion=PublishLayerVersion20181031 PublishVersion=PublishVersion20150331
			PutFunctionConcurrency=PutFunctionConcurrency20171031 RemovePermission=RemovePermission20150331v2
			TagResource=TagResource20170331v2 UntagResource=UntagResource20170331v2 UpdateAlias=UpdateAlias20150331
			UpdateEventSourceMapping=UpdateEventSourceMapping20150331 UpdateFunctionCode=UpdateFunctionCode20150331v2
			UpdateFunctionConfiguration=UpdateFunctionConfiguration20150331v2`,
	},
	{
		label: "logs", complete: true,
		writes: `
			AssociateKmsKey AssociateSourceToS3TableIntegration CancelExportTask CancelImportTask CreateDelivery
			CreateExportTask CreateImportTask CreateLogAnomalyDetector CreateLogGroup CreateLogStream CreateLookupTable
			CreateScheduledQuery DeleteAccountPolicy DeleteDataProtectionPolicy DeleteDelivery DeleteDeliveryDestination
			DeleteDeliveryDestinationPolicy DeleteDeliverySource DeleteDestination DeleteIndexPolicy DeleteIntegration
			DeleteLogAnomalyDetector DeleteLogGroup DeleteLogStream DeleteLookupTable DeleteMetricFilter
			DeleteQueryDefinition DeleteResourcePolicy DeleteRetentionPolicy DeleteScheduledQuery DeleteSubscriptionFilter
			DeleteSyslogConfiguration DeleteTransformer DisassociateKmsKey DisassociateSourceFromS3TableIntegration
			FilterLogEvents PutAccountPolicy PutBearerTokenAuthentication PutDataProtectionPolicy PutDeliveryDestination
			PutDeliveryDestinationPolicy PutDeliverySource PutDestination PutDestinationPolicy PutIndexPolicy PutIntegration
			PutLogEvents PutLogGroupDeletionProtection PutMetricFilter PutQueryDefinition PutResourcePolicy
			PutRetentionPolicy PutStorageTierPolicy PutSubscriptionFilter PutSyslogConfiguration PutTransformer StartLiveTail
			StartQuery StopQuery TagLogGroup TagResource TestMetricFilter TestTransformer UntagLogGroup UntagResource
			UpdateAnomaly UpdateDeliveryConfiguration UpdateLogAnomalyDetector UpdateLookupTable UpdateScheduledQuery`,
	},
	{
		label: "macie2", complete: true,
		writes: `
			AcceptInvitation BatchGetCustomDataIdentifiers BatchUpdateAutomatedDiscoveryAccounts CreateAllowList
			CreateClassificationJob CreateCustomDataIdentifier CreateFindingsFilter CreateInvitations CreateMember
			CreateSampleFindings DeclineInvitations DeleteAllowList DeleteCustomDataIdentifier DeleteFindingsFilter
			DeleteInvitations DeleteMember DisableMacie DisableOrganizationAdminAccount DisassociateFromAdministratorAccount
			DisassociateFromMasterAccount DisassociateMember EnableMacie EnableOrganizationAdminAccount
			PutClassificationExportConfiguration PutFindingsPublicationConfiguration SearchResources TagResource
			TestCustomDataIdentifier UntagResource UpdateAllowList UpdateAutomatedDiscoveryConfiguration
			UpdateClassificationJob UpdateClassificationScope UpdateFindingsFilter UpdateMacieSession UpdateMemberSession
			UpdateOrganizationConfiguration UpdateResourceProfile UpdateResourceProfileDetections UpdateRevealConfiguration
			UpdateSensitivityInspectionTemplate`,
	},
	{
		label: "monitoring", complete: true,
		writes: `
			AssociateDatasetKmsKey CreateResourceMetricsConfiguration DeleteAlarmMuteRule DeleteAlarms DeleteAnomalyDetector
			DeleteDashboards DeleteInsightRules DeleteMetricDataQueryDefinition DeleteMetricStream
			DeleteResourceMetricsConfiguration DisableAlarmActions DisableInsightRules DisassociateDatasetKmsKey
			EnableAlarmActions EnableInsightRules PutAlarmMuteRule PutAnomalyDetector PutCompositeAlarm PutDashboard
			PutInsightRule PutLogAlarm PutManagedInsightRules PutMetricAlarm PutMetricData PutMetricDataQueryDefinition
			PutMetricStream SetAlarmState StartMetricStreams StartOTelEnrichment StopMetricStreams StopOTelEnrichment
			TagResource UntagResource UpdateOTelEnrichment UpdateResourceMetricsConfiguration`,
	},
	{
		label: "organizations", complete: true,
		writes: `
			AcceptHandshake AttachPolicy CancelHandshake CloseAccount CreateAccount CreateGovCloudAccount CreateOrganization
			CreateOrganizationalUnit CreatePolicy DeclineHandshake DeleteOrganization DeleteOrganizationalUnit DeletePolicy
			DeleteResourcePolicy DeregisterDelegatedAdministrator DetachPolicy DisableAWSServiceAccess DisablePolicyType
			EnableAWSServiceAccess EnableAllFeatures EnablePolicyType InviteAccountToOrganization
			InviteOrganizationToTransferResponsibility LeaveOrganization MoveAccount PutResourcePolicy
			RegisterDelegatedAdministrator RemoveAccountFromOrganization TagResource TerminateResponsibilityTransfer
			UntagResource UpdateOrganizationalUnit UpdatePolicy UpdateResponsibilityTransfer`,
	},
	{
		label: "rds", complete: true,
		writes: `
			AddRoleToDBCluster AddRoleToDBInstance AddSourceIdentifierToSubscription AddTagsToResource
			ApplyPendingMaintenanceAction AuthorizeDBSecurityGroupIngress BacktrackDBCluster CancelDBCapacityReservation
			CancelExportTask CopyDBClusterParameterGroup CopyDBClusterSnapshot CopyDBParameterGroup CopyDBSnapshot
			CopyOptionGroup CreateBlueGreenDeployment CreateCustomDBEngineVersion CreateDBCapacityReservation CreateDBCluster
			CreateDBClusterEndpoint CreateDBClusterParameterGroup CreateDBClusterSnapshot CreateDBInstance
			CreateDBInstanceReadReplica CreateDBParameterGroup CreateDBProxy CreateDBProxyEndpoint CreateDBSecurityGroup
			CreateDBShardGroup CreateDBSnapshot CreateDBSubnetGroup CreateEventSubscription CreateGlobalCluster
			CreateIntegration CreateOptionGroup CreateTenantDatabase DeleteBlueGreenDeployment DeleteCustomDBEngineVersion
			DeleteDBCluster DeleteDBClusterAutomatedBackup DeleteDBClusterEndpoint DeleteDBClusterParameterGroup
			DeleteDBClusterSnapshot DeleteDBInstance DeleteDBInstanceAutomatedBackup DeleteDBParameterGroup DeleteDBProxy
			DeleteDBProxyEndpoint DeleteDBSecurityGroup DeleteDBShardGroup DeleteDBSnapshot DeleteDBSubnetGroup
			DeleteEventSubscription DeleteGlobalCluster DeleteIntegration DeleteOptionGroup DeleteTenantDatabase
			DeregisterDBProxyTargets DisableHttpEndpoint DownloadDBLogFilePortion EnableHttpEndpoint FailoverDBCluster
			FailoverGlobalCluster ModifyActivityStream ModifyCertificates ModifyCurrentDBClusterCapacity
			ModifyCustomDBEngineVersion ModifyDBCapacityReservation ModifyDBCluster ModifyDBClusterEndpoint
			ModifyDBClusterParameterGroup ModifyDBClusterSnapshotAttribute ModifyDBInstance ModifyDBParameterGroup
			ModifyDBProxy ModifyDBProxyEndpoint ModifyDBProxyTargetGroup ModifyDBRecommendation ModifyDBShardGroup
			ModifyDBSnapshot ModifyDBSnapshotAttribute ModifyDBSubnetGroup ModifyEventSubscription ModifyGlobalCluster
			ModifyIntegration ModifyOptionGroup ModifyTenantDatabase PromoteReadReplica PromoteReadReplicaDBCluster
			PurchaseReservedDBInstancesOffering RebootDBCluster RebootDBInstance RebootDBShardGroup RegisterDBProxyTargets
			RemoveFromGlobalCluster RemoveRoleFromDBCluster RemoveRoleFromDBInstance RemoveSourceIdentifierFromSubscription
			RemoveTagsFromResource ResetDBClusterParameterGroup ResetDBParameterGroup RestoreDBClusterFromS3
			RestoreDBClusterFromSnapshot RestoreDBClusterToPointInTime RestoreDBInstanceFromDBSnapshot
			RestoreDBInstanceFromS3 RestoreDBInstanceToPointInTime RevokeDBSecurityGroupIngress StartActivityStream
			StartDBCluster StartDBInstance StartDBInstanceAutomatedBackupsReplication StartExportTask StopActivityStream
			StopDBCluster StopDBInstance StopDBInstanceAutomatedBackupsReplication SwitchoverBlueGreenDeployment
			SwitchoverGlobalCluster SwitchoverReadReplica`,
	},
	{
		label:  "redshift",
		writes: `CreateCluster DeleteCluster ModifyCluster RestoreFromClusterSnapshot`,
	},
	{
		label: "rolesanywhere", complete: true,
		writes: `
			CreateProfile CreateTrustAnchor DeleteAttributeMapping DeleteCrl DeleteProfile DeleteTrustAnchor DisableCrl
			DisableProfile DisableTrustAnchor EnableCrl EnableProfile EnableTrustAnchor ImportCrl PutAttributeMapping
			PutNotificationSettings ResetNotificationSettings TagResource UntagResource UpdateCrl UpdateProfile
			UpdateTrustAnchor`,
	},
	{
		label: "s3", complete: true,
		writes: `
			AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance CreateAccessGrantsLocation
			CreateAccessPoint CreateAccessPointForObjectLambda CreateBucket CreateBucketMetadataConfiguration
			CreateBucketMetadataTableConfiguration CreateJob CreateMultiRegionAccessPoint CreateStorageLensGroup
			DeleteAccessGrant DeleteAccessGrantsInstance DeleteAccessGrantsInstanceResourcePolicy DeleteAccessGrantsLocation
			DeleteAccessPoint DeleteAccessPointForObjectLambda DeleteAccessPointPolicy DeleteAccessPointPolicyForObjectLambda
			DeleteAccessPointScope DeleteAccountPublicAccessBlock DeleteBucket DeleteBucketAnalyticsConfiguration
			DeleteBucketCors DeleteBucketEncryption DeleteBucketIntelligentTieringConfiguration
			DeleteBucketInventoryConfiguration DeleteBucketLifecycle DeleteBucketMetadataConfiguration
			DeleteBucketMetadataTableConfiguration DeleteBucketMetricsConfiguration DeleteBucketOwnershipControls
			DeleteBucketPolicy DeleteBucketPublicAccessBlock DeleteBucketReplication DeleteBucketTagging DeleteBucketWebsite
			DeleteJobTagging DeleteMultiRegionAccessPoint DeleteStorageLensConfiguration
			DeleteStorageLensConfigurationTagging DeleteStorageLensGroup DissociateAccessGrantsIdentityCenter JobCreated
			JobStatusChanged PutAccelerateConfiguration PutAccessGrantsInstanceResourcePolicy
			PutAccessPointConfigurationForObjectLambda PutAccessPointPolicy PutAccessPointPolicyForObjectLambda
			PutAccessPointScope PutAccountPublicAccessBlock PutBucketAbac PutBucketAccelerateConfiguration PutBucketAcl
			PutBucketAnalyticsConfiguration PutBucketCors PutBucketEncryption PutBucketIntelligentTieringConfiguration
			PutBucketInventoryConfiguration PutBucketLifecycle PutBucketLogging PutBucketMetricsConfiguration
			PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy
			PutBucketPublicAccessBlock PutBucketReplication PutBucketRequestPayment PutBucketTagging PutBucketVersioning
			PutBucketWebsite PutJobTagging PutMultiRegionAccessPointPolicy PutObjectLockConfiguration
			PutStorageLensConfiguration PutStorageLensConfigurationTagging SubmitMultiRegionAccessPointRoutes TagResource
			UntagResource UpdateAccessGrantsLocation UpdateBucketMetadataAnnotationTableConfiguration
			UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration UpdateJobPriority
			UpdateJobStatus UpdateStorageLensGroup`,
		data: `
			AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload CreateSession DeleteObject
			DeleteObjectAnnotation DeleteObjectTagging DeleteObjects GetObject GetObjectAcl GetObjectAttributes
			GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent HeadBucket HeadObject
			ListMultipartUploads ListObjectVersions ListObjects ListObjectsV2 ListParts PostObject PutObject PutObjectAcl
			PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging RenameObject RestoreObject
			SelectObjectContent UpdateObjectEncryption UploadPart UploadPartCopy WriteGetObjectResponse`,
		renamed: `
			DeletePublicAccessBlock=DeleteBucketPublicAccessBlock,DeleteAccountPublicAccessBlock
			PutBucketLifecycleConfiguration=PutBucketLifecycle PutBucketNotificationConfiguration=PutBucketNotification
			PutPublicAccessBlock=PutBucketPublicAccessBlock,PutAccountPublicAccessBlock`,
	},
	{
		label:  "sagemaker",
		writes: `CreateEndpoint CreateNotebookInstance CreatePresignedNotebookInstanceUrl UpdateNotebookInstance`,
	},
	{
		label: "secretsmanager", complete: true,
		writes: `
			AssociateCrossAccountReplica BatchGetSecretValue CancelRotateSecret CancelSecretVersionDelete CreateSecret
			DeleteResourcePolicy DeleteSecret DisassociateCrossAccountReplica EndSecretVersionDelete PutResourcePolicy
			PutSecretValue RemoveRegionsFromReplication ReplicateSecretToRegions RestoreSecret RotateSecret RotationAbandoned
			RotationFailed RotationStarted RotationSucceeded StartSecretVersionDelete StopReplicationToReplica TagResource
			UntagResource UpdateSecret UpdateSecretVersionStage ValidateResourcePolicy`,
	},
	{
		label: "securityhub", complete: true,
		writes: `
			AcceptAdministratorInvitation AcceptInvitation BatchDeleteAutomationRules BatchDisableStandards
			BatchEnableStandards BatchGetAutomationRules BatchGetConfigurationPolicyAssociations BatchGetSecurityControls
			BatchGetStandardsControlAssociations BatchImportFindings BatchUpdateAutomationRules BatchUpdateFindings
			BatchUpdateFindingsV2 BatchUpdateStandardsControlAssociations CancelExportJobV2 CreateActionTarget
			CreateAggregatorV2 CreateAutomationRule CreateAutomationRuleV2 CreateConfigurationPolicy CreateConnector
			CreateConnectorV2 CreateFindingAggregator CreateInsight CreateMembers CreateTicketV2 DeclineInvitations
			DeleteActionTarget DeleteAggregatorV2 DeleteAutomationRuleV2 DeleteConfigurationPolicy DeleteConnector
			DeleteConnectorV2 DeleteFindingAggregator DeleteInsight DeleteInvitations DeleteMembers
			DisableImportFindingsForProduct DisableOrganizationAdminAccount DisableSecurityHub DisableSecurityHubFeatureV2
			DisableSecurityHubV2 DisassociateFromAdministratorAccount DisassociateFromMasterAccount DisassociateMembers
			EnableImportFindingsForProduct EnableOrganizationAdminAccount EnableSecurityHub EnableSecurityHubFeatureV2
			EnableSecurityHubV2 GenerateRecommendedPolicyV2 InviteMembers RegisterConnectorV2
			StartConfigurationPolicyAssociation StartConfigurationPolicyDisassociation StartExportJobV2 TagResource
			UntagResource UpdateActionTarget UpdateAggregatorV2 UpdateAutomationRuleV2 UpdateConfigurationPolicy
			UpdateConnector UpdateConnectorV2 UpdateFindingAggregator UpdateFindings UpdateInsight
			UpdateOrganizationConfiguration UpdateSecurityControl UpdateSecurityHubConfiguration UpdateStandardsControl`,
	},
	{
		label: "signin",
		writes: `
			CheckMfa ConsoleLogin CredentialChallenge CredentialVerification EmailUpdated ExitRole PasswordRecoveryCompleted
			PasswordRecoveryRequested PasswordUpdated RenewRole SwitchRole UserAuthentication`,
	},
	{
		label: "sns", complete: true,
		writes: `
			AddPermission CheckIfPhoneNumberIsOptedOut ConfirmSubscription CreatePlatformApplication CreatePlatformEndpoint
			CreateSMSSandboxPhoneNumber CreateTopic DeleteEndpoint DeletePlatformApplication DeleteSMSSandboxPhoneNumber
			DeleteTopic OptInPhoneNumber PutDataProtectionPolicy RemovePermission SetEndpointAttributes
			SetPlatformApplicationAttributes SetSMSAttributes SetSubscriptionAttributes SetTopicAttributes Subscribe
			TagResource Unsubscribe UntagResource VerifySMSSandboxPhoneNumber`,
		data: `Publish PublishBatch`,
	},
	{
		label: "sqs", complete: true,
		writes: `
			AddPermission CancelMessageMoveTask CreateQueue DeleteQueue PurgeQueue RemovePermission SetQueueAttributes
			StartMessageMoveTask TagQueue UntagQueue`,
		data: `
			ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch ReceiveMessage SendMessage
			SendMessageBatch`,
	},
	{
		label: "ssm", complete: true,
		writes: `
			AddTagsToResource AssociateOpsItemRelatedItem CancelCommand CancelMaintenanceWindowExecution CreateActivation
			CreateAssociation CreateAssociationBatch CreateCloudConnector CreateDocument CreateMaintenanceWindow
			CreateOpsItem CreateOpsMetadata CreatePatchBaseline CreateResourceDataSync DeleteActivation DeleteAssociation
			DeleteCloudConnector DeleteDocument DeleteInventory DeleteMaintenanceWindow DeleteOpsItem DeleteOpsMetadata
			DeleteParameter DeleteParameters DeletePatchBaseline DeleteResourceDataSync DeleteResourcePolicy
			DeregisterDefaultHostManagementConfiguration DeregisterManagedInstance DeregisterPatchBaselineForPatchGroup
			DeregisterTargetFromMaintenanceWindow DeregisterTaskFromMaintenanceWindow DisassociateOpsItemRelatedItem
			LabelParameterVersion ModifyDocumentPermission PutComplianceItems PutInventory PutParameter PutResourcePolicy
			RegisterDefaultHostManagementConfiguration RegisterDefaultPatchBaseline RegisterPatchBaselineForPatchGroup
			RegisterTargetWithMaintenanceWindow RegisterTaskWithMaintenanceWindow RemoveTagsFromResource ResetServiceSetting
			ResumeSession SendAutomationSignal SendCommand StartAccessRequest StartAssociationsOnce StartAutomationExecution
			StartChangeRequestExecution StartExecutionPreview StartSession StopAutomationExecution TerminateSession
			UnlabelParameterVersion UpdateAssociation UpdateAssociationStatus UpdateCloudConnector UpdateDocument
			UpdateDocumentDefaultVersion UpdateDocumentMetadata UpdateMaintenanceWindow UpdateMaintenanceWindowTarget
			UpdateMaintenanceWindowTask UpdateManagedInstanceRole UpdateOpsItem UpdateOpsMetadata UpdatePatchBaseline
			UpdateResourceDataSync UpdateServiceSetting ValidateCloudConnector`,
	},
	{
		label: "sts", complete: true,
		writes: `AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity AssumeRoot DecodeAuthorizationMessage`,
	},
}
